"""Service addresses and names on the real node: what stands in for kube-proxy and DNS."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from tests.support.real_node.dns import answer
from tests.support.real_node.endpoints import endpoints

A, AAAA = 1, 28
NO_ERROR, NAME_ERROR = 0, 3
NAMES = {"redox-sandbox.redox-sandbox.svc.cluster.local": ("10.96.0.7",), "none.there": ()}


def service(cluster_ip: str = "10.96.0.7", **selector: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "redox-sandbox", "namespace": "redox-sandbox"},
        "spec": {
            "clusterIP": cluster_ip,
            "selector": selector,
            "ports": [{"port": 443, "targetPort": "https"}],
        },
    }


def pod(*, ready: bool = True, namespace: str = "redox-sandbox", **metadata: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "one", "namespace": namespace, "labels": {"app": "redox"}, **metadata},
        "spec": {"containers": [{"ports": [{"name": "https", "containerPort": 8443}]}]},
        "status": {
            "podIP": "10.244.0.9",
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


@pytest.mark.parametrize(
    ("name", "kind", "code", "addresses"),
    [
        pytest.param(
            "redox-sandbox.redox-sandbox.svc.cluster.local", A, NO_ERROR, ["10.96.0.7"], id="known"
        ),
        pytest.param(
            "Redox-Sandbox.redox-sandbox.SVC.cluster.local", A, NO_ERROR, ["10.96.0.7"], id="case"
        ),
        pytest.param(
            "redox-sandbox.redox-sandbox.svc.cluster.local", AAAA, NO_ERROR, [], id="no IPv6"
        ),
        pytest.param("none.there", A, NO_ERROR, [], id="a Service without pods"),
        pytest.param("elsewhere.example", A, NAME_ERROR, [], id="unknown"),
    ],
)
def test_a_name_has_the_addresses_of_its_service(
    name: str, kind: int, code: int, addresses: list[str]
) -> None:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0" + struct.pack("!HH", kind, 1)
    query = struct.pack("!HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + question
    message = answer(query, NAMES.get)
    identifier, flags, questions, answers, _, _ = struct.unpack_from("!HHHHHH", message)
    assert (identifier, questions, answers) == (4711, 1, len(addresses))
    assert flags & 0x8000
    assert flags & 0xF == code
    records = message[12 + len(question) :]
    assert [socket.inet_ntoa(records[i + 12 : i + 16]) for i in range(0, len(records), 16)] == (
        addresses
    )


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        pytest.param([pod()], (("10.244.0.9", 8443),), id="ready"),
        pytest.param([pod(ready=False)], (), id="not ready"),
        pytest.param([pod(deletionTimestamp="2026-11-24T12:00:00Z")], (), id="ending"),
        pytest.param([pod(namespace="clinic")], (), id="of another namespace"),
        pytest.param([], (), id="none"),
    ],
)
def test_a_service_leads_to_its_pods_that_are_ready(
    pods: list[dict[str, Any]], expected: tuple[tuple[str, int], ...]
) -> None:
    found = endpoints([service(app="redox")], pods)
    assert found.backends == {("10.96.0.7", 443): expected}
    assert found.names == {"redox-sandbox.redox-sandbox": ("10.96.0.7",)}


def test_a_headless_service_is_a_name_for_its_pods() -> None:
    found = endpoints([service("None", app="redox")], [pod()])
    assert found.backends == {}
    assert found.names == {"redox-sandbox.redox-sandbox": ("10.244.0.9",)}


def test_a_service_without_a_selector_chooses_no_pods() -> None:
    assert endpoints([service()], [pod()]).backends == {}
