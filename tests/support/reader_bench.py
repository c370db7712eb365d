"""Operator, endpoints, credentials and a node with pods: all that a mounted token lives on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from redox_operator.domain.refresh import Margins, jitter, refresh_start
from tests.support.controlplane import ControlPlane
from tests.support.hollow_node import HollowNode
from tests.support.kubernetes_api import KubernetesAPI
from tests.support.manifests import credential_manifest, key_secret_manifest
from tests.support.mounted_readers import Mount
from tests.support.operator_process import OperatorProcess
from tests.support.operator_rbac import operator_kubeconfig
from tests.support.outages import Outages
from tests.support.token_endpoints import STEADY, WAYS, TokenEndpoints

OWN = "tests/own-operator"
SMALL_JITTER = 0.05
"""Share of the possible jitter that a credential may have to be aimed at."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: a token's life, the operator's margins, and how long an endpoint is away."""

    token_lifetime: int
    propagation: int
    safety: int
    retry_budget: int
    outage: int
    sync_frequency: str | None
    """The kubelet's, as a Go duration; None is its default of 1m."""

    @property
    def start(self) -> float:
        """When a refresh starts at the latest, in seconds after the request was sent."""
        margins = Margins(self.propagation, self.safety, self.retry_budget)
        return refresh_start(self.token_lifetime, margins)

    def late(self, uid: str) -> bool:
        """Whether the jitter of a credential of this UID is next to nothing."""
        most = min(self.token_lifetime / 10, self.start / 4)
        return jitter(self.token_lifetime, self.start, uid) <= SMALL_JITTER * most


DEFAULTS = Timing(300, 92, 10, 75, 60, None)
"""The kubelet's and the operator's own."""
FIFTH = Timing(60, 20, 2, 18, 12, "12s")
"""All of it divided by five; but pauses between attempts do not shrink, so B has 3 s more."""


class ReaderBench:
    """A namespace with credentials at each of the endpoints; a context manager.

    In each group of credentials the first `aims` are drawn so that their refresh starts as late as
    it ever does: an outage aimed at them is the worst case.
    """

    def __init__(
        self,
        cluster: ControlPlane,
        namespace: str,
        timing: Timing,
        *,
        credentials: int,
        aims: int,
    ) -> None:
        self.timing = timing
        self.namespace = namespace
        self.endpoints = TokenEndpoints(timing.token_lifetime)
        self.names = {
            endpoint: [f"{endpoint.lower()}-{number}" for number in range(credentials)]
            for endpoint in (STEADY, *WAYS)
        }
        """By endpoint, the credentials. The Secret of each is `<name>-token`."""
        self._cluster, self._aims = cluster, aims
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            cluster = self._cluster
            self.admin = self._stack.enter_context(
                KubernetesAPI(cluster.url, cluster.ca_file, cluster.token)
            )
            self._stack.enter_context(self.endpoints)
            kubeconfig = operator_kubeconfig(cluster)
            self._create()
            self.operator = self._stack.enter_context(
                OperatorProcess.start(
                    kubeconfig,
                    self.endpoints.entries(),
                    PROPAGATION_SECONDS=str(self.timing.propagation),
                    SAFETY_SECONDS=str(self.timing.safety),
                    RETRY_BUDGET_SECONDS=str(self.timing.retry_budget),
                    WATCH_LABEL_SELECTOR=f"{OWN}={self.namespace}",
                )
            )
            for names in self.names.values():
                for name in names:
                    self._wait_token(name)
            self.node = self._stack.enter_context(
                HollowNode.start(cluster, sync_frequency=self.timing.sync_frequency)
            )
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def mount(self, pods: int, more: Iterable[str] = ()) -> list[Mount]:
        """Run pods, this many for each credential, and wait until they run; what they mount.

        `more` are endings of other Secrets that each pod mounts too, `<credential><ending>`; they
        are there already. What they are counted with is `<endpoint><ending>`.
        """
        endings = ("-token", *more)
        mounts: list[Mount] = []
        for endpoint, names in self.names.items():
            for name in names:
                for number in range(pods):
                    pod, secrets = f"{name}-{number}", [name + ending for ending in endings]
                    self.node.run_pod(self.namespace, pod, secrets)
                    mounts += [
                        Mount(
                            endpoint + ending,
                            secret,
                            self.node.mounted(self.namespace, pod, secret),
                        )
                        for ending, secret in zip(endings, secrets, strict=True)
                    ]
        self.node.wait_running()
        return mounts

    def outages(self, rest: float) -> Outages:
        """Outages of every endpoint but the steady one, aimed at its latest credentials."""
        aims = {way: self.names[way][: self._aims] for way in WAYS}
        return Outages(self.endpoints, aims, self.due, seconds=self.timing.outage, rest=rest)

    def due(self, name: str) -> float:
        """When the refresh of a credential starts, in seconds since the epoch, as metrics say."""
        labels = {"namespace": self.namespace, "name": name}
        return self.operator.metric("next_refresh_timestamp_seconds", **labels)

    def _create(self) -> None:
        namespaced = f"/api/v1/namespaces/{self.namespace}"
        self.admin.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self._stack.callback(self.admin.delete, namespaced)
        for endpoint, key in self.endpoints.keys.items():
            secret = key_secret_manifest(key, f"{endpoint.lower()}-key")
            self.admin.create(f"{namespaced}/secrets", secret)
            for number, name in enumerate(self.names[endpoint]):
                self._create_credential(name, endpoint, late=number < self._aims)

    def _create_credential(self, name: str, endpoint: str, *, late: bool) -> None:
        reference = {"secretRef": {"name": f"{endpoint.lower()}-key"}}
        manifest = credential_manifest(
            name, clientId=endpoint, endpoint=endpoint, privateKey=reference
        )
        manifest["metadata"]["labels"] = {OWN: self.namespace}
        path = f"/apis/redox-operator.dev/v1alpha1/namespaces/{self.namespace}/redoxcredentials"
        while not self.timing.late(self.admin.create(path, manifest)["metadata"]["uid"]) and late:
            self.admin.delete(f"{path}/{name}")

    def _wait_token(self, name: str) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}-token"
        self.admin.wait(path, lambda secret: "access_token" in secret.get("data", {}), name, 30)
