"""What a test of the whole operator stands on: an API server, a Redox, an operator, a namespace."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench import Bench
from tests.support.controlplane import ControlPlane
from tests.support.crds import apply_crds
from tests.support.kubernetes_api import KubernetesAPI
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.operator_rbac import operator_kubeconfig
from tests.support.redox_sandbox import RedoxSandbox

OWN = "tests/own-operator"
_numbers = itertools.count(1)


@pytest.fixture(
    scope="session",
    params=["in-memory", pytest.param("real", marks=pytest.mark.controlplane)],
)
def api_server(request: pytest.FixtureRequest) -> Iterator[tuple[Path, Path]]:
    """Kubeconfigs of the admin and of the operator, who has deploy/'s rights on the real one."""
    if request.param == "in-memory":
        from tests.support.kubernetes_sandbox import KubernetesSandbox

        with KubernetesSandbox.start() as sandbox:
            kubeconfig = Path(sandbox.kubeconfig)
            with KubernetesAPI.from_kubeconfig(kubeconfig) as admin:
                apply_crds(admin)
            yield kubeconfig, kubeconfig
        return
    controlplane: ControlPlane = request.getfixturevalue("controlplane")
    yield controlplane.kubeconfig, operator_kubeconfig(controlplane)


@pytest.fixture(scope="session")
def admin(api_server: tuple[Path, Path]) -> Iterator[KubernetesAPI]:
    """The API server, as its admin."""
    with KubernetesAPI.from_kubeconfig(api_server[0]) as admin:
        yield admin


@pytest.fixture(scope="session")
def redox() -> Iterator[RedoxSandbox]:
    """One Redox for the whole run, with tokens of 30 s."""
    with RedoxSandbox.start(token_lifetime=30) as redox:
        yield redox


@pytest.fixture(scope="session")
def operator(api_server: tuple[Path, Path], redox: RedoxSandbox) -> Iterator[OperatorProcess]:
    """One operator for each API server. A test that ends or freezes one starts its own."""
    endpoints = [sandbox_endpoint(redox)]
    with OperatorProcess.start(
        api_server[1], endpoints, LOG_LEVEL="DEBUG", WATCH_LABEL_SELECTOR=f"!{OWN}"
    ) as operator:
        yield operator


@pytest.fixture
def own_operator(
    api_server: tuple[Path, Path], redox: RedoxSandbox, own_bench: Bench
) -> Iterator[OperatorProcess]:
    """An operator for this test alone, serving only the credentials of `own_bench`."""
    with OperatorProcess.start(
        api_server[1],
        [sandbox_endpoint(redox)],
        LOG_LEVEL="DEBUG",
        WATCH_LABEL_SELECTOR=f"{OWN}={own_bench.namespace}",
    ) as operator:
        yield operator


@pytest.fixture
def own_bench(admin: KubernetesAPI, redox: RedoxSandbox) -> Iterator[Bench]:
    """A namespace whose credentials only `own_operator` serves."""
    namespace = f"test-{next(_numbers)}"
    bench = Bench(admin, redox, namespace, labels={OWN: namespace})
    yield bench
    bench.close()


@pytest.fixture
def bench(admin: KubernetesAPI, redox: RedoxSandbox) -> Iterator[Bench]:
    """A namespace of its own with clients of its own; faults are cleared at the end."""
    bench = Bench(admin, redox, f"test-{next(_numbers)}")
    yield bench
    bench.close()
