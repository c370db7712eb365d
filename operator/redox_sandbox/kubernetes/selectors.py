"""Label selectors, equality- and set-based, and field selectors.

Grammar and error messages follow apimachinery's `labels.Parse` and `fields.ParseSelector`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from redox_sandbox.kubernetes.errors import bad_request
from redox_sandbox.kubernetes.names import label_key_faults, label_value_faults

_TOKEN = re.compile(r"\s*(==|!=|=|!|,|\(|\)|<|>|[^\s=!,()<>]+)")
_MARKS = ("=", "==", "!=", ",", "(", ")", "<", ">")
_OPERATORS = ("=", "==", "!=", "in", "notin", "<", ">")
_FIELD_TERM = re.compile(r"^(.*?)(==|!=|=)(.*)$", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\,=])")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: `in`, `notin`, `exists`, `absent`, `<` or `>` for a key and its values."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Tell whether the labels or fields satisfy the term."""
        value = fields.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "absent":
                return value is None
            case "in":
                return value in self.values
            case "notin":
                return value is None or value not in self.values
            case _:
                return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        try:
            actual, bound = int(value), int(next(iter(self.values)))
        except ValueError:
            return False
        return actual > bound if self.operator == ">" else actual < bound


@dataclass(frozen=True, slots=True)
class Selector:
    """Terms that must all hold; without terms it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Tell whether every term holds."""
        return all(requirement.matches(fields) for requirement in self.requirements)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text.strip())
        self._position = 0

    def peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._position += 1
        return token

    def requirements(self) -> list[Requirement]:
        terms: list[Requirement] = []
        while token := self.peek():
            if token in _MARKS:
                expected = "!, identifier, or 'end of string'"
                raise bad_request(f"found '{token}', expected: {expected}")
            terms.append(self._requirement())
            if self.peek() == "":
                break
            if (token := self.take()) != ",":
                raise bad_request(f"found '{token}', expected: ',' or 'end of string'")
            if self.peek() == "":
                raise bad_request("found '', expected: identifier after ','")
        return terms

    def _requirement(self) -> Requirement:
        negated = self.peek() == "!"
        if negated:
            self.take()
        key = self._key()
        if negated:
            return Requirement(key, "absent")
        token = self.peek()
        if token in ("", ","):
            return Requirement(key, "exists")
        if token not in _OPERATORS:
            expected = "in, notin, =, ==, !=, gt, lt"
            raise _unparsable(f"found '{token}', expected: {expected}")
        self.take()
        if token in ("in", "notin"):
            return Requirement(key, token, frozenset(self._values(key)))
        if self.peek() in _MARKS and self.peek() != ",":
            raise _unparsable(f"found '{self.peek()}', expected: identifier")
        value = self._value(key, self.take() if self.peek() not in ("", ",") else "")
        operators = {"=": "in", "==": "in", "!=": "notin"}
        return Requirement(key, operators.get(token, token), frozenset({value}))

    def _key(self) -> str:
        key = self.take()
        if not key or key in _MARKS:
            raise _unparsable(f"found '{key}', expected: !, identifier, or 'end of string'")
        if faults := label_key_faults(key):
            raise bad_request(
                f"unable to parse requirement: <nil>: Invalid value: {_quoted(key)}: {faults[0]}"
            )
        return key

    def _values(self, key: str) -> list[str]:
        if (token := self.take()) != "(":
            raise _unparsable(f"found '{token}' expected: '('")
        values: list[str] = []
        expects_value = True
        while (token := self.peek()) != ")":
            if token == "":
                raise _unparsable("found '', expected: ',', ')' or identifier")
            self.take()
            if token == ",":  # noqa: S105 - a token of the grammar
                if expects_value:
                    values.append("")
                expects_value = True
            else:
                values.append(self._value(key, token))
                expects_value = False
        self.take()
        if expects_value:
            values.append("")
        return values

    def _value(self, key: str, value: str) -> str:
        if faults := label_value_faults(value):
            raise bad_request(
                f"unable to parse requirement: values[0][{key}]: Invalid value: "
                f"{_quoted(value)}: {faults[0]}"
            )
        return value


def _quoted(text: str) -> str:
    return f'"{text}"'


def _unparsable(message: str) -> Exception:
    return bad_request(f"unable to parse requirement: {message}")


def parse_label_selector(text: str) -> Selector:
    """Parse `labelSelector`.

    Raises:
        StatusError: 400, when it is not one.
    """
    return Selector(tuple(_Parser(text).requirements()))


def parse_field_selector(text: str, supports: Callable[[str], bool]) -> Selector:
    """Parse `fieldSelector`; `supports` tells which fields the resource can select by.

    Raises:
        StatusError: 400, when it is not one or names another field.
    """
    requirements: list[Requirement] = []
    for term in re.split(r"(?<!\\),", text):
        if not term:
            continue
        match = _FIELD_TERM.match(term)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        name, operator, value = match.groups()
        if not supports(name):
            raise bad_request(f"field label not supported: {name}")
        values = frozenset({_ESCAPED.sub(r"\1", value)})
        requirements.append(Requirement(name, "notin" if operator == "!=" else "in", values))
    return Selector(tuple(requirements))
