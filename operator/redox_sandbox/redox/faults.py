"""Faults on request: rules that say which answers go wrong, and how."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

PATHS = ("token", "fhir", "data-model", "*")
_COMMON = {"path", "clientId", "times", "probability", "fault"}

# What each fault may carry besides, and what of it must be there.
_OPTIONS: Mapping[str, tuple[set[str], set[str]]] = {
    "status": ({"status", "headers", "body"}, {"status"}),
    "hang": (set(), set()),
    "reset": (set(), set()),
    "garbage": (set(), set()),
    "truncated": (set(), set()),
    "slow": ({"seconds"}, {"seconds"}),
    "oversized": (set(), set()),
    "redirect": ({"status", "location"}, set()),
    "answer": ({"fields", "omit"}, set()),
    "clock": ({"seconds"}, {"seconds"}),
}


class FaultInvalid(ValueError):
    """A rule that cannot be followed; the text says what to write."""


@dataclass(slots=True)
class Rule:
    """One rule. `remaining` counts down when the rule holds for a number of times only."""

    fault: str
    path: str = "token"
    client_id: str | None = None
    remaining: int | None = None
    probability: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def holds(self, path: str, client_id: str | None) -> bool:
        """Whether the rule speaks of this request and is not used up."""
        return (
            self.path in (path, "*") and self.client_id in (None, client_id) and self.remaining != 0
        )


class Faults:
    """The rules in force: the first that holds decides. One with a probability draws each time."""

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._rules: list[Rule] = []

    def set(self, rules: object) -> None:
        """Replace all rules. Raises `FaultInvalid` and changes nothing when one is faulty."""
        if not isinstance(rules, list):
            raise FaultInvalid("write a JSON list of rules")
        self._rules = [_parse(rule, f"rule {number}") for number, rule in enumerate(rules, 1)]

    def clear(self) -> None:
        """Answer normally again."""
        self._rules = []

    def choose(self, path: str, client_id: str | None) -> Rule | None:
        """The rule for this request, one use of it spent."""
        for rule in self._rules:
            if rule.fault == "clock" or not rule.holds(path, client_id):
                continue
            if rule.probability < 1 and self._draw() >= rule.probability:
                continue
            if rule.remaining is not None:
                rule.remaining -= 1
            return rule
        return None

    @property
    def clock_shift(self) -> float:
        """By how many seconds the clock is wrong: the sum of the `clock` rules."""
        return float(sum(rule.options["seconds"] for rule in self._rules if rule.fault == "clock"))

    def describe(self) -> list[dict[str, Any]]:
        """The rules as given, each with what remains of its `times`."""
        return [
            {**rule.source, **({} if rule.remaining is None else {"remaining": rule.remaining})}
            for rule in self._rules
        ]


def _parse(rule: object, where: str) -> Rule:
    if not isinstance(rule, dict):
        raise FaultInvalid(f"{where}: write an object with `fault`")
    fault = rule.get("fault")
    if not isinstance(fault, str) or fault not in _OPTIONS:
        raise FaultInvalid(f"{where}: `fault` is one of {', '.join(_OPTIONS)}")
    allowed, required = _OPTIONS[fault]
    common = {"fault"} if fault == "clock" else _COMMON
    if unknown := rule.keys() - allowed - common:
        names = ", ".join(sorted(allowed | common))
        raise FaultInvalid(f"{where}: {min(unknown)!r} is not known for {fault}: known are {names}")
    if missing := required - rule.keys():
        raise FaultInvalid(f"{where}: {fault} needs {', '.join(sorted(missing))}")
    for name, (good, sentence) in _CHECKS.items():
        if name in rule and not good(rule[name]):
            raise FaultInvalid(f"{where}: {name} is {sentence}")
    if fault == "answer" and rule.get("path", "token") != "token":
        raise FaultInvalid(f"{where}: answer is known for the path token only")
    return Rule(
        fault=fault,
        path=rule.get("path", "token"),
        client_id=rule.get("clientId"),
        remaining=rule.get("times"),
        probability=rule.get("probability", 1.0),
        options={name: rule[name] for name in allowed & rule.keys()},
        source=rule,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _are_texts(values: object) -> bool:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def _are_names(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "path": (lambda value: value in PATHS, f"one of {', '.join(PATHS)}"),
    "clientId": (lambda value: isinstance(value, str), "a text"),
    "times": (lambda value: _is_whole(value, 1, 10**9), "a whole number above 0"),
    "probability": (lambda value: _is_number(value) and 0 <= value <= 1, "between 0 and 1"),
    "status": (lambda value: _is_whole(value, 200, 599), "between 200 and 599"),
    "headers": (_are_texts, "an object of texts"),
    "body": (lambda value: isinstance(value, str | dict | list), "a text, or JSON"),
    "seconds": (lambda value: _is_number(value) and abs(value) <= 10**9, "a number"),
    "location": (lambda value: isinstance(value, str), "an address"),
    "fields": (lambda value: isinstance(value, dict), "an object of fields to replace"),
    "omit": (_are_names, "a list of field names to leave out"),
}
