"""Issue, write, keep or refuse: each policy, the order of the chain, and when it is asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redox_operator.domain import policies
from redox_operator.domain.endpoint import AllowedNamespaces
from redox_operator.domain.errors import (
    ClientRejected,
    ClusterUnavailable,
    EndpointUnknown,
    NamespaceGone,
    NotAllowed,
    TargetConflict,
    TargetImmutable,
    WriteDenied,
)
from redox_operator.domain.policies import (
    CHAIN,
    Decision,
    Issue,
    Keep,
    Refuse,
    Write,
    decide,
)
from redox_operator.domain.refresh import Margins, refresh_time
from tests.support.builders import (
    NOW,
    UID,
    credential,
    endpoint,
    failure,
    observed,
    owner,
    target,
    target_spec,
    token,
)

START = refresh_time(token(), UID, Margins())
"""When the refresh of the token issued at NOW starts, about 109 s later."""
EXPIRY = NOW + 300
CHANGED = {"expected_input_hash": "v1:input-2"}
NO_TOKEN: dict[str, Any] = {"token": None, "token_input_hash": None, "input_issued_at": None}
HELD = failure(retry_at=NOW + 1000)
"""A failure whose retry is far away."""
OVER = failure(retry_at=NOW)
"""A failure whose retry is due."""
SUSPENDED = credential(suspend=True)
CLOSED = endpoint(allowed_namespaces=AllowedNamespaces())
FOREIGN = target(owner=owner(uid="other", name="lab"))
ADOPTABLE = target(owner=None)
IMMUTABLE = target(immutable=True)

MISSING, EXPIRED, DUE = Issue("TokenMissing"), Issue("TokenExpired"), Issue("RefreshDue")
INPUT = Issue("InputChanged", input_changed=True)
GONE, DIFFERS, ADOPTED = Write("TargetMissing"), Write("TargetDiffers"), Write("TargetAdopted")


def row(sentence: str, expected: Any, /, **changes: Any) -> Any:
    return pytest.param(changes, expected, id=sentence)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        row("on schedule: nothing until the refresh", Keep(START)),
        row("a moment before the refresh", Keep(START), now=START - 0.001),
        row("on schedule after failures", Keep(START), request_failure=OVER, write_failure=OVER),
        row("the refresh is due", DUE, now=START),
        row("the refresh is long due", DUE, now=EXPIRY - 1),
        row("the token has expired", EXPIRED, now=EXPIRY),
        row("the token expired long ago, while no operator ran", EXPIRED, now=NOW + 10**6),
        row("no token yet", MISSING, **NO_TOKEN),
        row("no token counts: the target's data was edited", MISSING, **NO_TOKEN, target=target()),
        # Suspended.
        row("suspended: not even a first token", Keep(None), credential=SUSPENDED, **NO_TOKEN),
        row("suspended: no refresh", Keep(None), credential=SUSPENDED, now=START),
        row("suspended: no repair", Keep(None), credential=SUSPENDED, target=None),
        row("suspended: no adoption", Keep(None), credential=SUSPENDED, target=ADOPTABLE),
        row(
            "suspended: a foreign target is no matter",
            Keep(None),
            credential=SUSPENDED,
            target=FOREIGN,
        ),
        row(
            "suspended: an unknown endpoint is no matter",
            Keep(None),
            credential=SUSPENDED,
            endpoint=None,
            target=None,
        ),
        row("resumed late: an ordinary due refresh", DUE, now=EXPIRY - 1, input_issued_at=None),
        # A changed input.
        row("another client, key, endpoint or scope", INPUT, now=NOW + 40, **CHANGED),
        row("an input that changed 30 s after the last issue", INPUT, now=NOW + 30, **CHANGED),
        row("an input that changes twice in 30 s waits", Keep(NOW + 30), now=NOW + 29, **CHANGED),
        row("an input that changed while no operator ran", INPUT, input_issued_at=None, **CHANGED),
        row(
            "a changed input does not hide a due refresh",
            DUE,
            now=START,
            input_issued_at=START - 1,
            **CHANGED,
        ),
        row(
            "a changed input waits for a failed request's retry",
            Keep(NOW + 1000),
            now=NOW + 40,
            request_failure=replace(HELD, retry_at=NOW + 1000),
            token=token(3000),
            **CHANGED,
        ),
        row(
            "a changed input whose retry is due",
            INPUT,
            now=NOW + 40,
            request_failure=OVER,
            **CHANGED,
        ),
        row(
            "a changed input without a live token is a missing token",
            EXPIRED,
            now=EXPIRY,
            **CHANGED,
        ),
        row(
            "an input hash of a later version counts as equal",
            Keep(START),
            token_input_hash="v2:input-9",
            now=NOW + 40,
        ),
        row(
            "a token whose input is not known counts as equal",
            Keep(START),
            token_input_hash=None,
            now=NOW + 40,
        ),
        row(
            "the key was not read yet: nothing is known to have changed",
            Keep(START),
            expected_input_hash=None,
            now=NOW + 40,
        ),
        # Repairs from the token that is held: no request is spent.
        row("the target was deleted", GONE, target=None),
        row("the target's data was edited", DIFFERS, target=target(intact=False)),
        row("a label of the target was removed", DIFFERS, target=target(labels={})),
        row("the target was restored without its owner", ADOPTED, target=ADOPTABLE),
        row(
            "the target is of a recreated credential",
            ADOPTED,
            target=target(owner=owner(uid="former")),
        ),
        row(
            "the spec adds a key to the target",
            DIFFERS,
            target=target(),
            credential=credential(target=target_spec(string_data={"a": "$(scope)"})),
        ),
        row(
            "the spec drops a label of the target",
            DIFFERS,
            target=target(of=credential(target=target_spec(labels={"a": "b"}))),
        ),
        row(
            "the base URL for a placeholder changed",
            DIFFERS,
            credential=credential(target=target_spec(string_data={"a": "$(fhirBaseUrl)"})),
            target=target(
                of=credential(target=target_spec(string_data={"a": "$(fhirBaseUrl)"})),
                by=endpoint(fhir_base_url="https://former.example"),
            ),
        ),
        row(
            "a new token was issued and is not written yet",
            DIFFERS,
            now=START,
            token=token(issued_at=START),
            target=target(token()),
        ),
        row(
            "a target that another version of the operator wrote last",
            Keep(START),
            token_input_hash="v2:input-9",
            target=target(input_hash="v2:input-9"),
        ),
        row(
            "a repair comes before a refresh, which may have to wait", GONE, now=START, target=None
        ),
        row("a repair does not wait for a failed request", GONE, target=None, request_failure=HELD),
        row("a changed input comes before a repair", INPUT, now=NOW + 40, target=None, **CHANGED),
        row(
            "a repair goes on while a changed input waits",
            GONE,
            now=NOW + 29,
            target=None,
            **CHANGED,
        ),
        row("an expired token is not written", EXPIRED, now=EXPIRY, target=None),
        row(
            "an expired token is not adopted with its target", EXPIRED, now=EXPIRY, target=ADOPTABLE
        ),
        row(
            "a failed write is not repeated before its retry",
            Keep(NOW + 60),
            target=None,
            write_failure=failure(WriteDenied("no"), retry_at=NOW + 60),
        ),
        row(
            "a failed write is repeated at its retry",
            GONE,
            target=None,
            now=NOW + 60,
            write_failure=failure(WriteDenied("no"), retry_at=NOW + 60),
        ),
        row(
            "a failed write of anything does not hold back a refresh",
            DUE,
            now=START,
            target=None,
            write_failure=replace(HELD, error=ClusterUnavailable("no")),
        ),
        row(
            "a token that may not be stored is not replaced while it lives",
            Keep(EXPIRY),
            now=START,
            target=None,
            write_failure=replace(HELD, error=WriteDenied("no")),
        ),
        row(
            "a token that may not be stored is replaced when it has expired",
            EXPIRED,
            now=EXPIRY,
            target=None,
            write_failure=replace(HELD, error=WriteDenied("no")),
        ),
        row(
            "nothing is requested for a namespace that goes",
            Keep(NOW + 1000),
            now=EXPIRY,
            target=None,
            write_failure=replace(HELD, error=NamespaceGone("no")),
        ),
        row(
            "a namespace that goes is looked at again",
            GONE,
            target=None,
            write_failure=replace(OVER, error=NamespaceGone("no")),
        ),
        row(
            "a failed write does not hold back a first token",
            MISSING,
            **NO_TOKEN,
            target=None,
            write_failure=HELD,
        ),
        # Failed requests.
        row(
            "a failed refresh waits for its retry",
            Keep(START + 1),
            now=START,
            request_failure=failure(retry_at=START + 1),
        ),
        row(
            "a failed refresh is repeated at its retry",
            DUE,
            now=START + 1,
            request_failure=failure(retry_at=START + 1),
        ),
        row(
            "a failed refresh is looked at when the token expires",
            Keep(EXPIRY),
            now=START,
            request_failure=HELD,
        ),
        row(
            "a failed first request waits for its retry",
            Keep(NOW + 1),
            **NO_TOKEN,
            request_failure=failure(retry_at=NOW + 1),
        ),
        row(
            "a failed first request is repeated at its retry",
            MISSING,
            **NO_TOKEN,
            request_failure=OVER,
        ),
        row(
            "after the expiry a retry is awaited too",
            Keep(NOW + 1000),
            now=EXPIRY,
            request_failure=HELD,
        ),
        row(
            "a rejected client is tried again when its time comes",
            MISSING,
            **NO_TOKEN,
            request_failure=failure(ClientRejected("no"), retry_at=NOW),
        ),
        row(
            "a failure before the refresh is due changes nothing",
            Keep(NOW + 5),
            now=NOW + 1,
            request_failure=failure(retry_at=NOW + 5),
        ),
        # Lives that got shorter.
        row(
            "an unwritten token plans the next issue",
            Keep(refresh_time(token(60, NOW + 1), UID, Margins())),
            now=NOW + 1,
            planned_from=token(60, NOW + 1),
            token=token(3600),
        ),
        row(
            "an unwritten token's refresh is due",
            DUE,
            now=NOW + 60,
            planned_from=token(60, NOW + 1),
            token=token(3600),
        ),
        row(
            "a token that died at once is not replaced within ten seconds",
            Keep(NOW + 10),
            token=token(3),
            now=NOW + 3,
        ),
        row(
            "a token that died at once is replaced after ten seconds",
            EXPIRED,
            token=token(3),
            now=NOW + 10,
        ),
        row(
            "an unwritten token that died at once counts as an issue too",
            Keep(NOW + 15),
            token=token(7),
            planned_from=token(1, NOW + 5),
            now=NOW + 7,
        ),
        row(
            "a token that died at once and a failure: the retry is awaited",
            Keep(NOW + 20),
            token=token(3),
            now=NOW + 3,
            request_failure=failure(retry_at=NOW + 20),
        ),
        # The author's margin.
        row(
            "the author asks for a later refresh",
            Keep(refresh_time(token(), UID, Margins(), 110)),
            credential=credential(before_expiry_seconds=110),
        ),
    ],
)
def test_it_is_decided(changes: dict[str, Any], expected: Decision) -> None:
    assert decide(observed(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        row("the endpoint is not configured", EndpointUnknown, endpoint=None, target=None),
        row("the namespace may not use the endpoint", NotAllowed, endpoint=CLOSED),
        row("a foreign Secret has the target's name", TargetConflict, target=FOREIGN),
        row(
            "a Secret of nobody has the target's name",
            TargetConflict,
            target=target(owner=None, annotations={}),
        ),
        row("the target is immutable", TargetImmutable, target=IMMUTABLE),
        row(
            "a restored target is immutable",
            TargetImmutable,
            target=target(owner=None, immutable=True),
        ),
        row(
            "nothing is requested for a foreign target", TargetConflict, **NO_TOKEN, target=FOREIGN
        ),
        row(
            "nothing is requested for an immutable target",
            TargetImmutable,
            now=START,
            target=IMMUTABLE,
        ),
        row(
            "nothing is requested from an endpoint that is closed",
            NotAllowed,
            **NO_TOKEN,
            target=None,
            endpoint=CLOSED,
        ),
        row(
            "an unknown endpoint comes before a foreign target",
            EndpointUnknown,
            endpoint=None,
            target=FOREIGN,
        ),
        row(
            "a closed endpoint comes before a foreign target",
            NotAllowed,
            endpoint=CLOSED,
            target=FOREIGN,
        ),
        row(
            "whose a target is comes before whether it is immutable",
            TargetConflict,
            target=replace(FOREIGN, immutable=True),
        ),
        row(
            "a failure holds back no refusal",
            TargetConflict,
            target=FOREIGN,
            request_failure=HELD,
            write_failure=HELD,
        ),
    ],
)
def test_it_is_refused(changes: dict[str, Any], error: type) -> None:
    decision = decide(observed(**changes))
    assert isinstance(decision, Refuse)
    assert type(decision.error) is error


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        row(
            "an unknown endpoint",
            "No endpoint is named Sandbox. Ask who runs the operator to add it, or write one of "
            "US, Canada as spec.endpoint.",
            credential=credential(endpoint="Sandbox"),
            endpoint=None,
            target=None,
        ),
        row(
            "an unknown endpoint where no other may be used",
            "No endpoint is named Sandbox. Ask who runs the operator to add it.",
            credential=credential(endpoint="Sandbox"),
            endpoint=None,
            target=None,
            endpoint_names=(),
        ),
        row(
            "a closed endpoint",
            "The namespace clinic may not use the endpoint US. Ask who runs the operator to allow "
            "it, or write one of Canada as spec.endpoint.",
            endpoint=CLOSED,
            endpoint_names=("Canada",),
        ),
        row(
            "a closed endpoint where no other may be used",
            "The namespace clinic may not use the endpoint US. Ask who runs the operator to allow "
            "it.",
            endpoint=CLOSED,
            endpoint_names=(),
        ),
        row(
            "a foreign target",
            "A Secret named ehr-token exists and is not this credential's. Delete that Secret, or "
            "create a credential with another spec.target.secretName.",
            target=FOREIGN,
        ),
        row(
            "an immutable target",
            "The Secret ehr-token is immutable. Delete it; it is then created anew.",
            target=IMMUTABLE,
        ),
    ],
)
def test_a_refusal_says_what_to_do(changes: dict[str, Any], message: str) -> None:
    decision = decide(observed(**changes))
    assert isinstance(decision, Refuse)
    assert decision.error.message == message


def test_the_order_of_the_chain_is_its_meaning() -> None:
    assert [policy.__name__ for policy in CHAIN] == [
        "suspended",
        "endpoint_unknown",
        "endpoint_not_allowed",
        "target_is_foreign",
        "target_is_immutable",
        "namespace_is_gone",
        "input_changed",
        "target_differs",
        "token_missing",
        "refresh_due",
    ]


@pytest.mark.parametrize("policy", CHAIN, ids=lambda policy: policy.__name__)
def test_every_policy_has_no_opinion_on_a_credential_on_schedule(policy: policies.Policy) -> None:
    assert policy(observed()) is None


@pytest.mark.parametrize("policy", CHAIN, ids=lambda policy: policy.__name__)
def test_every_policy_stands_on_its_own(policy: policies.Policy) -> None:
    policy(observed(endpoint=None, target=None))
    policy(observed(**NO_TOKEN))


def test_a_repair_does_not_make_a_new_input_look_served() -> None:
    repaired = observed(now=NOW + 1, **CHANGED)
    assert decide(repaired) == Keep(NOW + 30)
