"""A cluster of the person's own, named by a context: the demo changes little and undoes it.

Everything lives in one namespace, the operator's ServiceAccount and Role too. The operator serves
that namespace only, so that it never touches a credential that someone relies on.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import yaml

from demo.cluster import NAMESPACE, Cluster, Say
from demo.directory import StateDirectory
from demo.errors import DemoError
from demo.kubectl import Kubectl, KubectlError
from tests.support.operator_rbac import SERVICE_ACCOUNT, rendered

TOKEN_DURATION = "12h"  # noqa: S105 - how long the ServiceAccount's token lives
DELETE_SECONDS = 90.0
MARK = "redox-operator.dev/demo"


@contextlib.asynccontextmanager
async def existing(state: StateDirectory, context: str, say: Say) -> AsyncIterator[Cluster]:
    """The cluster of a context. Raises DemoError before anything changes where it does not fit."""
    kubectl = await _connect(state, context)
    version = await _version(kubectl, context)
    await _refuse_if_in_use(kubectl, context)
    missing = await _missing_crds(kubectl)
    names = ", ".join(crd["metadata"]["name"] for crd in missing)
    what = f"the namespace {NAMESPACE}" + (f" and the CRD {names}" if missing else "")
    say(f"on the cluster of context {context} ({version}) the demo creates {what}")
    say("at the end it deletes what it created and nothing else")
    mark = secrets.token_hex(8)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(_delete_crds, kubectl, mark, say)
        for crd in missing:
            await kubectl("create", "--filename=-", stdin=yaml.safe_dump(_marked(crd, mark)))
            name = crd["metadata"]["name"]
            await kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=20s")
        stack.push_async_callback(_delete_namespace, kubectl, context, mark, say)
        namespace, *rights = _rights()
        await kubectl("create", "--filename=-", stdin=yaml.safe_dump(_marked(namespace, mark)))
        await kubectl("create", "--filename=-", stdin=yaml.safe_dump_all(rights))
        yield Cluster(
            description=f"the cluster of context {context} ({version}), under the rules of deploy/",
            kubeconfig=state.path / "kubeconfig",
            operator_kubeconfig=await _operator_kubeconfig(kubectl, state),
            operator_namespaces=NAMESPACE,
            context=context,
        )


async def _connect(state: StateDirectory, context: str) -> Kubectl:
    """kubectl on a copy of that one context, which holds even if the person switches."""
    words = ("config", "view", "--raw", "--minify", "--flatten", f"--context={context}")
    try:
        config = await Kubectl(state, None)(*words)
    except KubectlError as error:
        raise DemoError(
            f"no context {context} in your kubeconfig ({error}): choose one that `kubectl config "
            "get-contexts` shows"
        ) from error
    path = state.path / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(config)
    return Kubectl(state, path)


async def _version(kubectl: Kubectl, context: str) -> str:
    try:
        answer = await kubectl("version", "--output=json", "--request-timeout=10s")
        return str(json.loads(answer)["serverVersion"]["gitVersion"])
    except (KubectlError, KeyError) as error:
        raise DemoError(
            f"the cluster of context {context} does not answer ({error}): start it, or name "
            "another context"
        ) from error


async def _refuse_if_in_use(kubectl: Kubectl, context: str) -> None:
    quiet = ("--ignore-not-found", "--output=name")
    if await kubectl("get", "namespace", NAMESPACE, *quiet):
        raise DemoError(
            f"the namespace {NAMESPACE} exists already; when nobody needs it: "
            f"kubectl --context {context} delete namespace {NAMESPACE}"
        )
    label = "app.kubernetes.io/name=redox-operator"
    if await kubectl("get", "deployments", "--all-namespaces", f"--selector={label}", *quiet):
        raise DemoError(
            f"a redox-operator runs on the cluster of context {context} and would work on the same "
            "credentials: name another context"
        )


async def _missing_crds(kubectl: Kubectl) -> list[dict[str, Any]]:
    crds = [manifest for manifest in rendered() if manifest["kind"] == "CustomResourceDefinition"]
    quiet = ("--ignore-not-found", "--output=name")
    return [crd for crd in crds if not await kubectl("get", "crd", crd["metadata"]["name"], *quiet)]


def _rights() -> list[dict[str, Any]]:
    """The namespace, and in it a ServiceAccount with the rules of the operator's ClusterRole."""
    role = next(
        manifest
        for manifest in rendered()
        if manifest["kind"] == "ClusterRole" and manifest["metadata"]["name"] == SERVICE_ACCOUNT
    )
    group = "rbac.authorization.k8s.io"
    metadata = {"name": SERVICE_ACCOUNT, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": role["rules"],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": SERVICE_ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
    ]


async def _operator_kubeconfig(kubectl: Kubectl, state: StateDirectory) -> Path:
    words = ("create", "token", SERVICE_ACCOUNT, f"--namespace={NAMESPACE}")
    token = await kubectl(*words, f"--duration={TOKEN_DURATION}")
    config = yaml.safe_load((state.path / "kubeconfig").read_text())
    config["users"] = [{"name": "operator", "user": {"token": token.strip()}}]
    for context in config["contexts"]:
        context["context"]["user"] = "operator"
    path = state.path / "operator.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return path


def _marked(manifest: dict[str, Any], mark: str) -> dict[str, Any]:
    """The object with a label that only this demo's objects have: what is deleted in the end."""
    metadata = manifest["metadata"]
    return manifest | {"metadata": metadata | {"labels": metadata.get("labels", {}) | {MARK: mark}}}


async def _delete_namespace(kubectl: Kubectl, context: str, mark: str, say: Say) -> None:
    say(f"deleting the namespace {NAMESPACE} on the cluster of context {context}")
    try:
        await kubectl("delete", "namespace", f"--selector={MARK}={mark}", timeout=DELETE_SECONDS)
    except KubectlError as error:
        say(f"it may be there still ({error}); look with kubectl --context {context} get namespace")


async def _delete_crds(kubectl: Kubectl, mark: str, say: Say) -> None:
    try:
        words = ("get", "crd", f"--selector={MARK}={mark}", "--output=name")
        for crd in (await kubectl(*words)).split():
            name = crd.rpartition("/")[2]
            if await kubectl("get", name, "--all-namespaces", "--output=name"):
                say(f"keeping the CRD {name}: others have created objects of it")
                continue
            say(f"deleting the CRD {name}")
            await kubectl("delete", "crd", name, timeout=DELETE_SECONDS)
    except KubectlError as error:
        say(f"a CRD may be there still ({error})")
