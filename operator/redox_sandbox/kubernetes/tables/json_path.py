"""The part of kubectl's JSONPath that printer columns use.

`.a.b`, `['a']`, `[0]`, `[*]` and filters `[?(@.type=="Ready")]`, also with `!=`; `\\.` is a dot in
a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]
_NAME = re.compile(r"\.((?:\\.|[^.\[\\])+)")
_BRACKET = re.compile(r"""\[\s*(?:'([^']*)'|"([^"]*)"|(-?\d+)|(\*))\s*\]""")
_FILTER = re.compile(r"""\[\?\(\s*@((?:\.[\w\-/\\]+)+)\s*(==|!=)\s*['"]([^'"]*)['"]\s*\)\]""")


class PathError(ValueError):
    """The path uses what is not supported here."""


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    while position < len(path):
        if match := _FILTER.match(path, position):
            steps.append(_filter(*match.groups()))
        elif match := _BRACKET.match(path, position):
            single, double, index, star = match.groups()
            name = single if single is not None else double
            steps.append(_each if star else _item(int(index)) if index else _member(name))
        elif match := _NAME.match(path, position):
            name = re.sub(r"\\(.)", r"\1", match[1])
            steps.append(_each if name == "*" else _member(name))
        else:
            raise PathError(f"unsupported JSONPath: {path}")
        position = match.end()
    return tuple(steps)


def _member(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _item(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _filter(path: str, operator: str, expected: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found = [str(match) for match in find(path, item)]
            if bool(found) and (found[0] == expected) == (operator == "=="):
                yield item

    return step


def find(path: str, value: Any) -> list[Any]:
    """Return what a path finds, in order.

    Raises:
        PathError: the path uses what is not supported here.
    """
    found = [value]
    for step in _steps(path):
        found = [item for current in found for item in step(current)]
    return found
