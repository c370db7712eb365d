"""API servers that the demo starts itself: a real control plane, or the in-memory API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import yaml

from demo.cluster import NAMESPACE, Cluster
from demo.directory import StateDirectory
from demo.errors import DemoError
from demo.kubectl import Kubectl
from demo.processes import console_script, running
from tests.support.controlplane import ControlPlane, ControlPlaneError, ControlPlaneMissing
from tests.support.operator_rbac import operator_kubeconfig, rendered


@contextlib.asynccontextmanager
async def control_plane(state: StateDirectory) -> AsyncIterator[Cluster]:
    """A real kube-apiserver that was built before; the operator gets the rights of `deploy/`."""
    running_plane = await _start_control_plane(state.path / "controlplane")
    try:
        operator = await asyncio.to_thread(operator_kubeconfig, running_plane)
        kubeconfig = _link(state, running_plane.kubeconfig)
        await _create_namespace(Kubectl(state, kubeconfig))
        yield Cluster(
            description=f"a real kube-apiserver {running_plane.version}, under the RBAC of deploy/",
            kubeconfig=kubeconfig,
            operator_kubeconfig=operator,
            operator_namespaces="",
        )
    finally:
        await asyncio.to_thread(running_plane.stop)


@contextlib.asynccontextmanager
async def in_memory(state: StateDirectory) -> AsyncIterator[Cluster]:
    """The API of `redox-sandbox kubernetes`, with all that `deploy/` applies to a cluster."""
    command = [
        str(console_script("redox-sandbox")),
        "kubernetes",
        "--address=127.0.0.1:0",
        f"--data-dir={state.path / 'kubernetes'}",
    ]
    async with running("kubernetes", command, state) as child:
        ready = await child.ready_line()
        kubeconfig = _link(state, Path(ready["kubeconfig"]))
        kubectl = Kubectl(state, kubeconfig)
        manifests = [manifest for manifest in rendered() if manifest["kind"] != "Deployment"]
        await kubectl(
            *("apply", "--server-side", "--validate=false", "--filename=-"),
            stdin=yaml.safe_dump_all(manifests),
        )
        await _create_namespace(kubectl)
        yield Cluster(
            description="the in-memory API of redox-sandbox",
            kubeconfig=kubeconfig,
            operator_kubeconfig=kubeconfig,
            operator_namespaces="",
        )


async def _start_control_plane(data_dir: Path) -> ControlPlane:
    starting = asyncio.create_task(asyncio.to_thread(ControlPlane.start, data_dir))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The thread cannot be cancelled: wait for what it starts, and end that.
        with contextlib.suppress(ControlPlaneError, ControlPlaneMissing):
            await asyncio.to_thread((await starting).stop)
        raise
    except (ControlPlaneError, ControlPlaneMissing) as error:
        sentence, *log = str(error).splitlines()
        raise DemoError(f"the control plane did not start: {sentence}", log) from error


async def _create_namespace(kubectl: Kubectl) -> None:
    await kubectl("create", "namespace", NAMESPACE)


def _link(state: StateDirectory, kubeconfig: Path) -> Path:
    """A short path to it, for the person to type."""
    link = state.path / "kubeconfig"
    link.symlink_to(kubeconfig)
    return link
