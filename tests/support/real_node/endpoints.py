"""Which addresses stand behind which Service, from the objects of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`backends`: pods that are ready, by the Service's address; `names`: what DNS knows."""

    backends: Mapping[Address, tuple[Address, ...]]
    names: Mapping[str, tuple[str, ...]]


def endpoints(services: Iterable[Object], pods: Iterable[Object]) -> Endpoints:
    """Services with a selector, TCP only, which is all that `deploy/` has."""
    backends: dict[Address, tuple[Address, ...]] = {}
    names: dict[str, tuple[str, ...]] = {}
    ready = [pod for pod in pods if _is_ready(pod)]
    for service in services:
        spec, metadata = service["spec"], service["metadata"]
        chosen = [pod for pod in ready if _selects(service, pod)]
        headless = spec["clusterIP"] == "None"
        names[f"{metadata['name']}.{metadata['namespace']}"] = (
            tuple(pod["status"]["podIP"] for pod in chosen) if headless else (spec["clusterIP"],)
        )
        if headless or not spec.get("selector"):
            continue
        for port in spec["ports"]:
            backends[spec["clusterIP"], port["port"]] = tuple(
                (pod["status"]["podIP"], _port(pod, port.get("targetPort", port["port"])))
                for pod in chosen
            )
    return Endpoints(backends, names)


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "podIP" in pod["status"] and "deletionTimestamp" not in pod["metadata"]


def _selects(service: Object, pod: Object) -> bool:
    selector = service["spec"].get("selector") or {}
    labels = pod["metadata"].get("labels", {})
    same_namespace = service["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return bool(selector) and same_namespace and selector.items() <= labels.items()


def _port(pod: Object, target: int | str) -> int:
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            if port.get("name") == target:
                return int(port["containerPort"])
    raise ValueError(f"pod {pod['metadata']['name']} has no port {target}")
