"""The status of a credential: output only, nothing in it is read to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redox_operator.domain.conditions import Situation, conditions
from redox_operator.domain.timestamps import format_time

_TIMES = frozenset({"nextRefreshTime", "deadlineTime"})
MAX_SCOPE = 16384
"""Characters of the scope that status takes; an endpoint may grant more."""
MESSAGE_INTERVAL = 30.0
"""Seconds between writes of a status of which only a message changed: attempts come faster."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What status tells besides the conditions; None where it is not known (it stays then).

    Times are told only where they are known: an old one would be wrong.
    """

    secret_name: str | None = None
    key_id: str | None = None
    token_endpoint_host: str | None = None
    next_refresh_time: float | None = None
    deadline_time: float | None = None


def status(
    situation: Situation, facts: Facts, previous: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The status to report, as the whole object that the API stores."""
    before = previous or {}
    reported: dict[str, Any] = {
        "observedGeneration": situation.generation,
        "conditions": conditions(situation, before.get("conditions") or ()),
    }
    token = situation.token
    known: dict[str, Any] = {
        "secretName": facts.secret_name,
        "keyId": facts.key_id,
        "tokenEndpointHost": facts.token_endpoint_host,
    }
    if token is not None:
        known |= {
            "tokenLifetimeSeconds": int(token.lifetime),
            "scope": token.scope[:MAX_SCOPE],
            "expirationTime": format_time(token.expires_at),
            "lastRefreshTime": format_time(token.issued_at),
            "nextRefreshTime": _time(facts.next_refresh_time),
            "deadlineTime": _time(facts.deadline_time),
        }
    for name, value in known.items():
        kept = before.get(name) if value is None and name not in _TIMES else value
        if kept is not None:
            reported[name] = kept
    return reported


def merge_patch(reported: Mapping[str, Any], previous: Mapping[str, Any] | None) -> dict[str, Any]:
    """The body that makes `previous` the reported status (RFC 7396)."""
    gone = dict.fromkeys(name for name in previous or {} if name not in reported)
    return {"status": {**gone, **reported}}


def is_news(
    reported: Mapping[str, Any], previous: Mapping[str, Any] | None, since_last_write: float
) -> bool:
    """Whether the status is worth a write: a condition, the expiry or what was asked changed.

    A next refresh time alone is not, nor is a message until some time passed.
    """
    if previous is None or _essence(reported) != _essence(previous):
        return True
    if since_last_write < MESSAGE_INTERVAL:
        return False
    return _messages(reported) != _messages(previous)


def _essence(value: Mapping[str, Any]) -> list[Any]:
    fields = ("observedGeneration", "secretName", "keyId", "tokenEndpointHost", "expirationTime")
    return [
        *(value.get(name) for name in fields),
        *(
            (condition.get("type"), condition.get("status"), condition.get("reason"))
            for condition in value.get("conditions") or ()
        ),
    ]


def _messages(value: Mapping[str, Any]) -> list[Any]:
    return [condition.get("message") for condition in value.get("conditions") or ()]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else format_time(seconds)
