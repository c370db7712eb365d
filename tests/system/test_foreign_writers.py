"""Others who edit targets without pause: what is ours is repaired, what is theirs is kept."""

from __future__ import annotations

import base64
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.bench import GROUP, decoded
from tests.support.kubernetes_api import APIError, KubernetesAPI, Object, polls
from tests.support.ledger import Version
from tests.support.proof import Proof, check_alive

pytestmark = pytest.mark.parametrize(
    "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
)

LIFETIME = 40
MARGINS = Margins(propagation=5, safety=2, retry_budget=20)
SECONDS = 14
"""For so long they write: every token is refreshed once at least."""

EDITS: dict[str, Callable[[int], Object]] = {
    "their label": lambda n: {"metadata": {"labels": {"example.com/turn": f"n{n}"}}},
    "their key": lambda n: {"data": {"theirs": _encoded(f"n{n}")}},
    "our token": lambda n: {"data": {"access_token": _encoded(f"forged{n}")}},
    "our label": lambda n: {"metadata": {"labels": {f"{GROUP}/role": None if n % 2 else "x"}}},
    "our annotation": lambda n: {"metadata": {"annotations": {f"{GROUP}/expires-at": None}}},
    "all our keys": lambda n: {"data": None},
}
REPAIRED = {"our token", "our label", "our annotation", "all our keys"}


def test_targets_that_are_edited_without_pause_are_repaired_and_delay_nobody(
    api_server: tuple[Path, Path],
) -> None:
    with Proof(api_server, "foreign", 24, lifetime=LIFETIME, margins=MARGINS) as proof:
        operator = proof.operator()
        proof.settle()
        victims = dict(zip(EDITS, sorted(proof.fleet.targets), strict=False))
        bystanders = proof.fleet.targets - set(victims.values())
        written = operator.metric("secret_writes_total")
        with _writers(api_server[0], victims) as counts:
            for _ in polls(SECONDS, 0.5):
                check_alive(operator)
        done = operator.metric("secret_writes_total") - written

        proof.settle(15)
        for what, place in victims.items():
            _check_repaired(proof, place, what, counts[what] - 1)
        verdict = proof.verdict()
        tokens = proof.ledger.tokens(proof.fleet.namespaces)
        issues = sum(len(versions) - 1 for versions in tokens.values())
        quiet = _versions(proof, victims.values())
        # Writes that nothing calls for would show in this time.
        time.sleep(2)

        assert all(counts[what] >= 20 for what in EDITS), counts
        # Whoever edits what is ours sees it repaired; what is theirs makes no work.
        assert done <= issues + sum(counts[what] for what in REPAIRED) + len(victims)
        assert verdict.untimely == []
        assert verdict.unready == {}
        for target in bystanders:
            assert _latest(proof, tokens[target]) < 5
        # The last word is spoken: only a refresh changes them now.
        changed = _versions(proof, victims.values())
        refreshed = {
            target
            for target, versions in proof.ledger.tokens(proof.fleet.namespaces).items()
            if len(versions) > len(tokens.get(target, ()))
        }
        assert {t for t in quiet if quiet[t] != changed[t]} <= refreshed


@contextmanager
def _writers(kubeconfig: Path, victims: dict[str, tuple[str, str]]) -> Iterator[dict[str, int]]:
    """A thread for each edit, until the end of the block; how often each wrote."""
    stop, counts = threading.Event(), dict.fromkeys(victims, 0)
    failures: list[BaseException] = []

    def write(what: str) -> None:
        path = _path(victims[what])
        try:
            with KubernetesAPI.from_kubeconfig(kubeconfig) as api:
                for number in itertools.count():
                    if stop.is_set():
                        return
                    api.patch(path, EDITS[what](number))
                    counts[what] += 1
        except (APIError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(what,)) for what in victims]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert failures == []


def _check_repaired(proof: Proof, place: tuple[str, str], what: str, last: int) -> None:
    def repaired(secret: Object) -> bool:
        metadata, data = secret["metadata"], decoded(secret)
        return (
            metadata["labels"].get(f"{GROUP}/role") == "target"
            and f"{GROUP}/expires-at" in metadata["annotations"]
            and data.get("authorization") == f"Bearer {data.get('access_token')}"
            and "forged" not in data["access_token"]
        )

    seen = proof.admin.wait(_path(place), repaired, f"the repair of {what}", 10)
    if what == "their label":
        assert seen["metadata"]["labels"]["example.com/turn"] == f"n{last}"
    if what == "their key":
        assert decoded(seen)["theirs"] == f"n{last}"


def _latest(proof: Proof, versions: list[Version]) -> float:
    """The most by which a refresh began after it was due, in seconds."""
    pairs = itertools.pairwise(versions)
    return max((later.issued_at - proof.fleet.due(earlier) for earlier, later in pairs), default=0)


def _versions(proof: Proof, places: Any) -> dict[tuple[str, str], str]:
    return {p: proof.admin.get(_path(p))["metadata"]["resourceVersion"] for p in places}


def _path(place: tuple[str, str]) -> str:
    return f"/api/v1/namespaces/{place[0]}/secrets/{place[1]}"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
