"""Looks all along at what may never happen, whatever the world does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.target import (
    EXPIRES_AT,
    INPUT_HASH,
    ISSUED_AT,
    LARGEST_CORRECTION,
    is_intact,
    same_input,
)
from redox_operator.domain.timestamps import parse_time
from tests.support.fake_cluster import CREDENTIALS, SECRETS, Object, decoded, is_target
from tests.support.simulation import Simulation

TOLD_WITHIN = 12.0
"""Seconds after an expiry in which `Ready` follows: a status write may have to be repeated."""


BUSY = 100
"""Requests to the API server in ten seconds that a handful of credentials never needs."""


class Witness:
    """Notes violations of the contract while a simulation runs."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.violations: list[str] = []
        self.foreign: dict[str, Object] = {}
        self._by_hand = False
        self._quiet_since = sim.now
        self._started = sim.now
        sim.cluster.before_change = self._change

    @contextmanager
    def by_hand(self) -> Iterator[None]:
        """What a person does, not the operator."""
        self._by_hand = True
        yield
        self._by_hand = False

    def add_foreign(self, name: str) -> None:
        """Create a Secret of someone else."""
        with self.by_hand():
            self.foreign[name] = self.sim.cluster.create(
                SECRETS, "clinic", name, type="Opaque", data={"theirs": "eA=="}
            )

    def unsettle(self) -> None:
        """Something happened of which status may tell late."""
        self._quiet_since = self.sim.now

    def restarted(self) -> None:
        """Another process runs, with a bucket of its own."""
        self._started = self.sim.now
        self.unsettle()

    def look(self, endpoints: tuple[Endpoint, ...]) -> None:
        """Check what can be seen from outside at this moment; raises on a violation."""
        for name, before in self.foreign.items():
            if self.sim.cluster.get(SECRETS, "clinic", name) != before:
                self.violations.append(f"the foreign Secret {name} was changed")
        for endpoint in endpoints:
            self._look_at_rate(endpoint)
        recent = [each for each in self.sim.cluster.log[-1000:] if each.at > self.sim.now - 10]
        if len(recent) > BUSY:
            self.violations.append(f"{len(recent)} requests to the API server in ten seconds")
        if self.sim.now - self._quiet_since > 70:
            self._look_at_readiness()
        assert self.violations + self.sim.redox.violations == []

    def _change(self, resource: str, before: Object | None, after: Object | None) -> None:
        if self._by_hand or resource != SECRETS or before is None or after is None:
            return
        name = before["metadata"]["name"]
        if not is_target(before) or not self._counts(before):
            return
        old, new = _annotations(before), _annotations(after)
        if _time(new, EXPIRES_AT) >= _time(old, EXPIRES_AT):
            return
        if same_input(old.get(INPUT_HASH), new.get(INPUT_HASH)):
            self.violations.append(f"the expiry stored in {name} went back: {old} {new}")

    def _counts(self, secret: Object) -> bool:
        annotations = _annotations(secret)
        issued_at = _time(annotations, ISSUED_AT)
        now = self.sim.clock.read().wall
        return issued_at <= now + LARGEST_CORRECTION and is_intact(annotations, decoded(secret))

    def _look_at_rate(self, endpoint: Endpoint) -> None:
        times = [
            request.at
            for request in self.sim.redox.between(self._started)
            if request.url == endpoint.token_url
        ][-200:]
        for index, begun in enumerate(times):
            allowed = endpoint.burst + endpoint.requests_per_second * (times[-1] - begun) + 1e-3
            if len(times) - index > allowed:
                self.violations.append(f"{endpoint.name} got more requests than its rate allows")

    def _look_at_readiness(self) -> None:
        now = self.sim.clock.true_time
        for body in self.sim.cluster.objects(CREDENTIALS):
            ready = [
                each["status"]
                for each in body.get("status", {}).get("conditions", ())
                if each["type"] == "Ready"
            ]
            if ready != ["True"]:
                continue
            name = body["metadata"]["name"]
            secret = self.sim.cluster.get(SECRETS, "clinic", f"{name}-token")
            expiry = 0.0 if secret is None else _time(_annotations(secret), EXPIRES_AT)
            if expiry < now - TOLD_WITHIN:
                self.violations.append(f"{name} is told ready, and its token has expired")


def _annotations(secret: Object) -> dict[str, str]:
    return secret["metadata"].get("annotations") or {}


def _time(annotations: dict[str, str], name: str) -> float:
    return parse_time(annotations.get(name)) or 0.0
