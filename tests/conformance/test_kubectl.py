"""The real kubectl against both servers: it must do and print the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conformance.objects import GROUP, widget
from tests.conformance.server import Server
from tests.support.kubectl import Kubectl, KubectlError

AGE = re.compile(r"\b\d+s\b")
CRD_FILE = Path(__file__).parents[2] / "crds" / "redox-operator.dev_redoxcredentials.yaml"

MANIFEST = """
apiVersion: conformance.example/v1
kind: Widget
metadata: {name: w}
spec: {color: red, parts: [{name: a}]}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {key: value}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
"""


@pytest.fixture
def kubectl(server: Server, tmp_path: Path) -> Kubectl:
    """kubectl with caches of its own: the servers change under their addresses."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_bytes(server.kubeconfig.read_bytes())
    return Kubectl(kubeconfig)


def lines(output: str) -> list[str]:
    """The lines of a table, ages replaced and columns one space apart."""
    return [re.sub(r" +", " ", AGE.sub("AGE", line)).strip() for line in output.splitlines()]


def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl, namespace: str) -> None:
    apply = ("apply", "-n", namespace, "-f", "-")

    created = kubectl(*apply, stdin=MANIFEST)
    same = kubectl(*apply, stdin=MANIFEST)
    changed = kubectl(*apply, stdin=MANIFEST.replace("color: red", "color: green"))
    shown = kubectl("get", "widget", "w", "-n", namespace, "-o", "jsonpath={.spec}")

    assert lines(created) == [
        f"widget.{GROUP}/w created",
        "secret/s created",
        "serviceaccount/robot created",
    ]
    assert lines(same)[2] == "serviceaccount/robot unchanged"
    assert lines(changed)[0] == f"widget.{GROUP}/w configured"
    assert json.loads(shown) == {
        "active": True,
        "color": "green",
        "note": "n",
        "parts": [{"count": 1, "name": "a"}],
        "size": 3,
    }


def test_server_side_apply(kubectl: Kubectl, namespace: str) -> None:
    apply = ("apply", "--server-side", "-n", namespace, "-f", "-")

    first = kubectl(*apply, stdin=MANIFEST)
    again = kubectl(*apply, stdin=MANIFEST.replace("color: red", "color: green"))
    shown = kubectl("get", "widget", "w", "-n", namespace, "-o", "jsonpath={.spec.color}")

    expected = [
        f"{name} serverside-applied"
        for name in (f"widget.{GROUP}/w", "secret/s", "serviceaccount/robot")
    ]
    assert lines(first) == lines(again) == expected
    assert shown == "green"


def test_an_invalid_object_is_explained(kubectl: Kubectl, namespace: str) -> None:
    manifest = MANIFEST.replace("color: red", "color: blue")

    with pytest.raises(KubectlError) as caught:
        kubectl("create", "-n", namespace, "-f", "-", stdin=manifest)

    assert (
        'The Widget "w" is invalid: spec.color: Unsupported value: "blue": supported values: '
        '"red", "green"'
    ) in str(caught.value)


def test_an_unknown_field_is_refused(kubectl: Kubectl, namespace: str) -> None:
    manifest = MANIFEST.replace("color: red", "color: red, zip: 1")

    with pytest.raises(KubectlError, match=r'unknown field "spec\.zip"'):
        kubectl("apply", "-n", namespace, "-f", "-", stdin=manifest)


def test_get_prints_the_columns(
    server: Server, kubectl: Kubectl, namespace: str, widgets: str
) -> None:
    server.make(widgets, widget("w", size=5))

    assert lines(kubectl("get", "wd", "-n", namespace)) == [
        "NAME COLOR READY WHEN AGE",
        "w red AGE",
    ]
    assert lines(kubectl("get", "widgets", "-n", namespace, "-o", "wide")) == [
        "NAME COLOR READY SIZE WHEN AGE",
        "w red 5 AGE",
    ]
    assert lines(kubectl("get", "parts", "-A"))[0] == "NAMESPACE NAME COLOR READY WHEN AGE"


def test_get_watches_with_the_columns(
    server: Server, kubectl: Kubectl, namespace: str, widgets: str
) -> None:
    server.make(widgets, widget("w"))

    with pytest.raises(KubectlError):
        # The time runs out, kubectl says so on stderr.
        kubectl("get", "widgets", "missing", "-n", namespace)
    watched = kubectl("get", "widgets", "-n", namespace, "-w", "--request-timeout=1s")

    assert lines(watched) == ["NAME COLOR READY WHEN AGE", "w red AGE"]


def test_get_prints_secrets_namespaces_and_events(
    server: Server, kubectl: Kubectl, namespace: str, secret_path: str
) -> None:
    server.make(secret_path, {"metadata": {"name": "s"}, "stringData": {"key": "value"}})

    secrets = kubectl("get", "secrets", "-n", namespace)
    namespaces = kubectl("get", "ns", namespace)

    assert lines(secrets) == ["NAME TYPE DATA AGE", "s Opaque 1 AGE"]
    assert lines(namespaces) == ["NAME STATUS AGE", f"{namespace} Active AGE"]
    assert kubectl("get", "events", "-n", namespace) == ""


def test_create_sends_protobuf_and_is_understood(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "secret", "generic", "s", "-n", namespace, "--from-literal=key=value")
    kubectl("create", "configmap", "c", "-n", namespace, "--from-literal=key=value")
    kubectl("create", "serviceaccount", "robot", "-n", namespace)
    kubectl("create", "role", "r", "-n", namespace, "--verb=get", "--resource=secrets")
    kubectl(
        "create",
        "rolebinding",
        "b",
        "-n",
        namespace,
        "--role=r",
        f"--serviceaccount={namespace}:robot",
    )

    def field(kind: str, name: str, path: str) -> str:
        return kubectl("get", kind, name, "-n", namespace, "-o", f"jsonpath={{{path}}}")

    assert field("secret", "s", ".data") == '{"key":"dmFsdWU="}'
    assert field("configmap", "c", ".data") == '{"key":"value"}'
    assert json.loads(field("role", "r", ".rules[0]")) == {
        "apiGroups": [""],
        "resources": ["secrets"],
        "verbs": ["get"],
    }
    assert field("rolebinding", "b", ".roleRef.name") == "r"
    assert field("rolebinding", "b", ".subjects[0].name") == "robot"


def test_patch_label_annotate_wait_and_delete(
    server: Server, kubectl: Kubectl, namespace: str, widgets: str
) -> None:
    server.make(widgets, widget("w"))
    server.patch(f"{widgets}/w/status", {"status": {"observedGeneration": 9}})
    ours = ("-n", namespace)

    kubectl("label", "widget", "w", *ours, "a=b")
    kubectl("annotate", "widget", "w", *ours, "c=d")
    kubectl("patch", "widget", "w", *ours, "--type=merge", "-p", '{"spec":{"size":7}}')
    kubectl("wait", "--for=jsonpath={.spec.size}=7", "widget/w", *ours, "--timeout=10s")
    status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    kubectl("patch", "widget", "w", *ours, "--subresource=status", "--type=merge", "-p", status)
    kubectl("wait", "--for=condition=Ready", "widget/w", *ours, "--timeout=10s")
    listed = kubectl("get", "widgets", *ours, "-l", "a=b")
    deleted = kubectl("delete", "widget", "w", *ours, "--timeout=10s")

    assert lines(listed) == ["NAME COLOR READY WHEN AGE", "w red True AGE"]
    assert deleted.startswith(f'widget.{GROUP} "w" deleted')
    assert kubectl("get", "widgets", *ours) == ""


@pytest.mark.skipif(not CRD_FILE.exists(), reason="crds/ does not hold the project's CRD yet")
def test_the_projects_credentials_are_printed_with_their_columns(
    server: Server, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("apply", "--server-side", "-f", str(CRD_FILE))
    kubectl("wait", "--for=condition=established", "-f", str(CRD_FILE), "--timeout=20s")
    manifest = """
        apiVersion: redox-operator.dev/v1alpha1
        kind: RedoxCredential
        metadata: {name: ehr}
        spec:
          clientId: 2c1d6b1e
          privateKey: {secretRef: {name: ehr-redox-key}, keyId: key-1}
    """
    kubectl("create", "-n", namespace, "-f", "-", stdin=manifest)
    conditions = [
        {
            "type": kind,
            "status": state,
            "reason": reason,
            "message": "m",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind, state, reason in (
            ("Ready", "True", "TokenIssued"),
            ("RefreshHealthy", "False", "RateLimited"),
        )
    ]
    status = {
        "observedGeneration": 1,
        "secretName": "ehr-token",
        "keyId": "key-1",
        "expirationTime": "2026-01-01T00:05:00Z",
        "nextRefreshTime": "2026-01-01T00:02:03Z",
        "conditions": conditions,
    }
    kubectl(
        "patch",
        "rxc",
        "ehr",
        "-n",
        namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps({"status": status}),
    )

    narrow = lines(kubectl("get", "rxc", "-n", namespace))
    watched = lines(kubectl("get", "rxc", "-n", namespace, "-w", "--request-timeout=1s"))
    wide = lines(kubectl("get", "rxc", "-n", namespace, "-o", "wide"))

    assert narrow == [
        "NAME READY REFRESH REASON SECRET EXPIRES AGE",
        "ehr True False RateLimited ehr-token 2026-01-01T00:05:00Z AGE",
    ]
    assert watched == narrow
    assert wide == [
        "NAME READY REFRESH REASON SECRET EXPIRES AGE ENDPOINT KEY ID NEXT",
        "ehr True False RateLimited ehr-token 2026-01-01T00:05:00Z AGE key-1 2026-01-01T00:02:03Z",
    ]
