"""A real `Operator` in a world of fakes, on virtual time.

    with Simulation() as sim:
        key = sim.create()
        sim.advance(3)
        assert sim.ready(key) == "True"

The world stands still between calls: time passes in `advance` and `until` only.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from redox_operator.adapters.cluster import Credentials, Secrets
from redox_operator.controllers.operator import Operator, Options, World
from redox_operator.controllers.ports import SignPort
from redox_operator.domain.credential import REFRESH_ANNOTATION, Key
from redox_operator.domain.endpoint import BUILT_IN, Endpoint
from redox_operator.domain.target import EXPIRES_AT
from redox_operator.domain.timestamps import parse_time
from tests.support.fake_cluster import CREDENTIALS, SECRETS, FakeCluster, Object, decoded, encoded
from tests.support.fake_token_endpoint import FakeTokenEndpoint, TokenRequest, sign
from tests.support.fake_world import (
    FakeEndpointsFile,
    FakeEvents,
    FakeKeyParser,
    FakeMetrics,
    FakeWatch,
)
from tests.support.manifests import credential_manifest
from tests.support.virtual_time import VirtualClock, VirtualTimeLoop, cancel_all, end

EHR = Key("clinic", "ehr")


class Simulation:
    """The operator, and everything that it works on."""

    loop_class = VirtualTimeLoop
    cluster_class = FakeCluster

    def __init__(
        self, options: Options | None = None, endpoints: Iterable[Endpoint] = BUILT_IN
    ) -> None:
        random.seed(0)
        self.loop = self.loop_class()
        self.clock = VirtualClock(self.loop)
        self.cluster = self.cluster_class(self.clock)
        self.redox = FakeTokenEndpoint(self.clock)
        self.keys = FakeKeyParser()
        self.events = FakeEvents()
        self.metrics = FakeMetrics()
        self.file = FakeEndpointsFile(endpoints)
        self.options = options or Options()
        self.sign: SignPort = sign
        self._jtis = (f"jti-{number}" for number in itertools.count())
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end(self.loop)
        if error is None:
            assert self.redox.violations == []

    # The process.

    def start(self) -> None:
        """Start an operator; what is in the cluster stays, what an earlier one knew is gone."""
        self.redox.held_until.clear()
        self.operator = Operator(self.world(), self.options, watch_class=FakeWatch)
        self.cluster.on_request = lambda verb, _resource, code: self.operator.health.note_request(
            verb, code
        )
        self._stop = asyncio.Event()
        self._process = self.loop.create_task(self.operator.run(self._stop))

    def world(self) -> World:
        """What an operator works on."""
        return World(
            clock=self.clock,
            connection=self.cluster,  # type: ignore[arg-type]
            secrets=Secrets(self.cluster),  # type: ignore[arg-type]
            credentials=Credentials(self.cluster),  # type: ignore[arg-type]
            events=self.events,
            key_parser=self.keys,
            sign=lambda key, **claims: self.sign(key, **claims),
            new_jti=self._jtis.__next__,
            token_endpoint=self.redox,
            endpoints_file=self.file,
            metrics=self.metrics,
        )

    def stop(self) -> int:
        """Stop the operator as SIGTERM does; its exit code."""
        self._stop.set()
        return self.loop.run_until_complete(self._process)

    def kill(self) -> None:
        """End the operator at once, wherever it is."""
        cancel_all(self.loop)

    def restart(self, after: float = 0.0) -> None:
        """Kill the operator, and start another one."""
        self.kill()
        self.advance(after)
        self.start()

    # Time.

    @property
    def now(self) -> float:
        """Seconds of the boot clock."""
        return self.loop.time()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))
        if self._process.done() and not self._process.cancelled():
            assert self._stop.is_set(), "the operator ended by itself"

    def until(self, condition: Callable[[], bool], within: float, every: float = 0.05) -> float:
        """Let time pass until something holds; the seconds that it took."""
        begun = self.now
        while not condition():
            assert self.now - begun <= within, f"it does not hold after {within} s"
            self.advance(every)
        return self.now - begun

    def until_asked(self, verb: str, resource: str, within: float = 10.0) -> None:
        """Let time pass until the next such request reaches the API server: it is not answered."""
        seen = len(self.cluster.log)
        self.until(
            lambda: any(
                (each.verb, each.resource) == (verb, resource) for each in self.cluster.log[seen:]
            ),
            within,
        )

    # Credentials and their keys.

    def create(
        self, name: str = "ehr", namespace: str = "clinic", *, key: str | None = "k1", **spec: Any
    ) -> Key:
        """Create a credential, and its private key unless that is None."""
        if key is not None:
            self.write_key(key, name, namespace)
        manifest = credential_manifest(name, namespace=namespace, **spec)
        self.cluster.create(CREDENTIALS, namespace, name, spec=manifest["spec"])
        return Key(namespace, name)

    def write_key(self, content: str, name: str = "ehr", namespace: str = "clinic") -> None:
        """Write a credential's private key, as the fake parser reads it."""
        data = {"data": encoded({"privateKey": content})}
        if self.cluster.get(SECRETS, namespace, f"{name}-redox-key") is None:
            self.cluster.create(SECRETS, namespace, f"{name}-redox-key", type="Opaque", **data)
        else:
            self.cluster.change(SECRETS, namespace, f"{name}-redox-key", data)

    def delete_key(self, name: str = "ehr", namespace: str = "clinic") -> None:
        """Delete a credential's private key."""
        self.cluster.delete(SECRETS, namespace, f"{name}-redox-key")

    def edit(self, key: Key = EHR, **spec: Any) -> None:
        """Change the spec of a credential."""
        self.cluster.change(CREDENTIALS, *key, {"spec": spec})

    def ask_for_refresh(self, value: str, key: Key = EHR) -> None:
        """Set the refresh annotation."""
        annotations = {REFRESH_ANNOTATION: value}
        self.cluster.change(CREDENTIALS, *key, {"metadata": {"annotations": annotations}})

    def delete(self, key: Key = EHR) -> None:
        """Delete a credential."""
        self.cluster.delete(CREDENTIALS, *key)

    def exists(self, key: Key = EHR) -> bool:
        """Whether there is such a credential."""
        return self.cluster.get(CREDENTIALS, *key) is not None

    def generation(self, key: Key = EHR) -> int:
        """How often its spec was written."""
        body = self.cluster.get(CREDENTIALS, *key)
        assert body is not None, f"{key} is gone"
        return int(body["metadata"]["generation"])

    # Targets.

    def secret(self, key: Key = EHR) -> Object | None:
        """The target Secret."""
        return self.cluster.get(SECRETS, key.namespace, f"{key.name}-token")

    def stored(self, key: Key = EHR) -> dict[str, str]:
        """The data of the target Secret."""
        secret = self.secret(key)
        assert secret is not None, f"{key} has no target"
        return decoded(secret)

    def token(self, key: Key = EHR) -> str | None:
        """The access token in the target Secret."""
        secret = self.secret(key)
        return None if secret is None else decoded(secret).get("access_token")

    def expiry(self, key: Key = EHR) -> float:
        """When the stored token dies, as the Secret says, in seconds since the epoch."""
        secret = self.secret(key)
        assert secret is not None, f"{key} has no target"
        expiry = parse_time(secret["metadata"]["annotations"][EXPIRES_AT])
        assert expiry is not None
        return expiry

    def edit_secret(self, patch: Object, key: Key = EHR) -> None:
        """Change the target Secret behind the operator's back."""
        self.cluster.change(SECRETS, key.namespace, f"{key.name}-token", patch)

    def delete_secret(self, key: Key = EHR) -> None:
        """Delete the target Secret behind the operator's back."""
        self.cluster.delete(SECRETS, key.namespace, f"{key.name}-token")

    # What is told.

    def status(self, key: Key = EHR) -> Object:
        """The status of a credential."""
        body = self.cluster.get(CREDENTIALS, *key)
        assert body is not None, f"{key} is gone"
        return dict(body.get("status") or {})

    def condition(self, kind: str, key: Key = EHR) -> tuple[str, str]:
        """Status and reason of a condition; empty where it is not there."""
        for condition in self.status(key).get("conditions", ()):
            if condition["type"] == kind:
                return condition["status"], condition["reason"]
        return "", ""

    def message(self, kind: str, key: Key = EHR) -> str:
        """The message of a condition."""
        found = [each for each in self.status(key)["conditions"] if each["type"] == kind]
        return str(found[0]["message"])

    def ready(self, key: Key = EHR) -> str:
        """Status of the Ready condition."""
        return self.condition("Ready", key)[0]

    def healthy(self, key: Key = EHR) -> tuple[str, str]:
        """Status and reason of the RefreshHealthy condition."""
        return self.condition("RefreshHealthy", key)

    @property
    def requests(self) -> list[TokenRequest]:
        """All token requests so far."""
        return self.redox.requests
