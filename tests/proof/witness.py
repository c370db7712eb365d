"""Looks at every change of the cluster, and all along at what may never happen.

Which property of the contract a method holds is said in its docstring; README.md has the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.reserved import STANDARD_KEYS, is_reserved_name
from redox_operator.domain.target import (
    EXPIRES_AT,
    INPUT_HASH,
    ISSUED_AT,
    LARGEST_CORRECTION,
    applied,
    is_intact,
    same_input,
)
from redox_operator.domain.timestamps import parse_time
from tests.proof.premise import Premise
from tests.support.fake_cluster import CREDENTIALS, SECRETS, Object, decoded, is_target
from tests.support.mortal_simulation import MortalSimulation
from tests.support.replicas import Replicas
from tests.support.virtual_time import EPOCH

TOLD_WITHIN = 12.0
"""Seconds after an expiry in which `Ready` follows: a status write may have to be repeated."""
QUIET = 70.0
"""Seconds after which everything that happened has been seen, by a list if not by a watch."""
BUSY = 100
"""Requests to the API server in ten seconds that a handful of credentials never needs."""

_SECRET = re.compile(r'\btoken-\d+|"jti"|"iss"')
"""What a token or an assertion of the fakes looks like."""


class Witness:
    """Notes violations of the contract while a simulation runs."""

    def __init__(self, sim: MortalSimulation | Replicas) -> None:
        self.sim = sim
        self.premise = Premise(sim.clock)
        self.violations: list[str] = []
        self._foreign: dict[tuple[str, str], Object] = {}
        self._readable: set[tuple[str | None, str | None]] = set()
        self._read = 0
        self._uids: set[str] = set()
        self._quiet_since = self._started = sim.now
        sim.cluster.before_change = self._change

    def add_foreign(self, name: str, namespace: str = "clinic") -> None:
        """Create a Secret of someone else."""
        self._foreign[namespace, name] = self.sim.cluster.create(
            SECRETS, namespace, name, type="Opaque", data={"theirs": "eA=="}
        )

    def unsettle(self) -> None:
        """Something happened of which status may tell late."""
        self._quiet_since = self.sim.now

    def restarted(self) -> None:
        """Another process runs, with a bucket of its own."""
        self._started = self.sim.now
        self.unsettle()

    def look(self, endpoints: tuple[Endpoint, ...], *, running: bool = True) -> None:
        """Check what can be seen from outside at this moment; raises on a violation."""
        self._look_at_foreign_secrets()
        self._look_at_reads()
        for endpoint in endpoints:
            self._look_at_rate(endpoint)
        recent = [each for each in self.sim.cluster.log[-1000:] if each.at > self.sim.now - 10]
        if len(recent) > BUSY:
            self._violated(f"{len(recent)} requests to the API server in ten seconds")
        for key, secret in self._stored():
            self._look_at_freshness(key, secret)
        if any(_SECRET.search(note) for note in self.sim.events.notes):
            self._violated("an Event shows a token or an assertion")
        if running:
            self.violations += self.sim.loop.run_until_complete(self._liveness())
        if self.sim.now - self._quiet_since > QUIET:
            self._look_at_readiness()
        violations = [*self.violations, *self.sim.redox.violations]
        assert not violations, "\n".join(violations)

    def _violated(self, sentence: str) -> None:
        self.violations.append(f"at {self.sim.now:.3f}: {sentence}")

    async def _liveness(self) -> list[str]:
        """Property 10: nothing that happens out there is this process's fault."""
        return self.sim.operator.health.liveness()

    # At each change.

    def _change(self, resource: str, before: Object | None, after: Object | None) -> None:
        if after is not None and resource == CREDENTIALS:
            self._note_credential(after)
        if not self.sim.cluster.acting or after is None:
            return
        self._look_for_secrets(resource, after)
        if resource == SECRETS:
            self._look_at_owner(after)
            if before is not None:
                self._look_at_foreign_parts(before, after)
                self._look_at_expiry(before, after)
                self._look_at_freshness(_key(before), before)

    def _note_credential(self, body: Object) -> None:
        namespace, name = _place(body)
        spec = body.get("spec") or {}
        target = (spec.get("target") or {}).get("secretName") or f"{name}-token"
        key = spec.get("privateKey", {}).get("secretRef", {}).get("name")
        self._readable |= {(namespace, target), (namespace, key)}
        self._uids.add(body["metadata"]["uid"])

    def _look_for_secrets(self, resource: str, after: Object) -> None:
        """Property 7, 8.1: nothing secret outside the target's data; and 9: no finalizer."""
        shown = {name: value for name, value in after.items() if name != "data"}
        if resource == CREDENTIALS:
            shown = {"status": after.get("status")}
        if _SECRET.search(json.dumps(shown)):
            self._violated(f"{resource} {_place(after)} shows a token or an assertion")
        if after["metadata"].get("finalizers"):
            self._violated(f"{resource} {_place(after)} got a finalizer")

    def _look_at_owner(self, after: Object) -> None:
        """Property 4: what is written is owned by a credential; and 9: that is free to go."""
        owners = after["metadata"].get("ownerReferences") or ()
        controllers = [each for each in owners if each.get("controller")]
        if len(controllers) != 1 or controllers[0]["uid"] not in self._uids:
            self._violated(f"{_place(after)} was written and is no credential's")
        elif controllers[0].get("blockOwnerDeletion"):
            self._violated(f"{_place(after)} blocks the deletion of its owner")

    def _look_at_foreign_parts(self, before: Object, after: Object) -> None:
        """Property 4: of a Secret that is ours, what is of others stays."""
        old, new = before["metadata"], after["metadata"]
        if old["uid"] != new["uid"] or before.get("type") != after.get("type"):
            self._violated(f"{_place(before)} is another Secret now")
        ours = [applied(each.get("annotations") or {}) for each in (old, new)]
        parts = (
            ("data", before.get("data"), after.get("data"), STANDARD_KEYS),
            ("labels", old.get("labels"), new.get("labels"), ()),
            ("annotations", old.get("annotations"), new.get("annotations"), ()),
        )
        for part, was, now, standard in parts:
            known = {*standard, *ours[0][part], *ours[1][part]}
            if _of_others(was, known) != _of_others(now, known):
                self._violated(f"foreign {part} of {_place(before)} changed")

    def _look_at_expiry(self, before: Object, after: Object) -> None:
        """Property 3: a token that counts gives way to none that dies earlier, for one input."""
        if not is_target(before) or not self._counts(before):
            return
        old, new = _annotations(before), _annotations(after)
        if _time(new, EXPIRES_AT) >= _time(old, EXPIRES_AT):
            return
        if same_input(old.get(INPUT_HASH), new.get(INPUT_HASH)):
            self._violated(f"the expiry stored in {_place(before)} went back: {old} {new}")

    def _counts(self, secret: Object) -> bool:
        annotations = _annotations(secret)
        issued_at = _time(annotations, ISSUED_AT)
        now = self.sim.clock.read().wall
        return issued_at <= now + LARGEST_CORRECTION and is_intact(annotations, decoded(secret))

    # All along.

    def _stored(self) -> Iterator[tuple[Key, Object]]:
        for body in self.sim.cluster.objects(SECRETS):
            if is_target(body):
                yield _key(body), body

    def _look_at_freshness(self, key: Key, secret: Object) -> None:
        """Properties 1 and 2: P + S are left at every instant, so a reader P late has S left."""
        value = decoded(secret).get("access_token", "")
        dies_at = self.sim.redox.dies_at.get(value)
        if dies_at is None or not self._counts(secret):
            return
        annotations = _annotations(secret)
        lifetime = _time(annotations, EXPIRES_AT) - _time(annotations, ISSUED_AT)
        issued_at = dies_at - lifetime - EPOCH
        left = dies_at - self.sim.clock.true_time
        if left < self.premise.margins.mounted and self.premise.holds(key, issued_at, lifetime):
            self._violated(f"{key} had {left:.1f} s left of {lifetime:.0f}")

    def _look_at_foreign_secrets(self) -> None:
        """Property 4: Secrets of others stay byte for byte."""
        for place, before in self._foreign.items():
            if self.sim.cluster.get(SECRETS, *place) != before:
                self._violated(f"the foreign Secret {place} was changed")

    def _look_at_reads(self) -> None:
        """Property 8: a Secret is read only by the name that a credential beside it wrote."""
        log = self.sim.cluster.log
        for request in log[self._read :]:
            place = (request.namespace, request.name)
            if (request.verb, request.resource) == ("get", SECRETS) and place not in self._readable:
                self._violated(f"{place} was read")
        self._read = len(log)

    def _look_at_rate(self, endpoint: Endpoint) -> None:
        """Property 6: requests within the endpoint's rate, of each process."""
        times = [
            request.at
            for request in self.sim.redox.between(self._started)
            if request.url == endpoint.token_url
        ][-200:]
        for index, begun in enumerate(times):
            allowed = endpoint.burst + endpoint.requests_per_second * (times[-1] - begun) + 1e-3
            if len(times) - index > allowed:
                self._violated(f"{endpoint.name} got more requests than its rate allows")

    def _look_at_readiness(self) -> None:
        """Property 10: who is told ready has a token that is valid now; and 9: no orphan."""
        now = self.sim.clock.true_time
        living = {body["metadata"]["uid"] for body in self.sim.cluster.objects(CREDENTIALS)}
        for body in self.sim.cluster.objects(CREDENTIALS):
            namespace, name = _place(body)
            if _ready(body) != "True":
                continue
            secret = self.sim.cluster.get(SECRETS, namespace, f"{name}-token")
            expiry = 0.0 if secret is None else _time(_annotations(secret), EXPIRES_AT)
            if expiry < now - TOLD_WITHIN:
                self._violated(f"{name} is told ready, and its token has expired")
        for key, secret in self._stored():
            owners = secret["metadata"].get("ownerReferences") or ()
            if not any(owner["uid"] in living for owner in owners):
                self._violated(f"the target of {key} outlives its credential")


def _place(body: Object) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _key(target: Object) -> Key:
    namespace, name = _place(target)
    return Key(namespace, name.removesuffix("-token"))


def _of_others(part: Mapping[str, Any] | None, known: set[str]) -> dict[str, Any]:
    return {
        name: value
        for name, value in (part or {}).items()
        if name not in known and not is_reserved_name(name)
    }


def _ready(body: Object) -> str | None:
    conditions = (body.get("status") or {}).get("conditions", ())
    return next((str(each["status"]) for each in conditions if each["type"] == "Ready"), None)


def _annotations(secret: Object) -> dict[str, str]:
    return secret["metadata"].get("annotations") or {}


def _time(annotations: dict[str, str], name: str) -> float:
    return parse_time(annotations.get(name)) or 0.0
