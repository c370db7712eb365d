"""Fields of a spec, read with the limits that the CRD's schema and rules have.

Each refusal says what to write. None repeats a value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redox_operator.domain.errors import SpecInvalid


@dataclass(frozen=True, slots=True)
class Text:
    """A string: its form, its greatest length, and what to write."""

    form: re.Pattern[str]
    longest: int
    write: str

    def read(self, value: object, where: str) -> str:
        """The value, if it has this form. Raises `SpecInvalid`."""
        # Length first: matching costs more than counting.
        if (
            not isinstance(value, str)
            or len(value) > self.longest
            or not self.form.fullmatch(value)
        ):
            raise SpecInvalid(f"{where}: {self.write}.")
        return value


def read_object(value: object, where: str, *, required: bool = False) -> Mapping[str, Any]:
    """An object; an empty one where an optional one is left out. Raises `SpecInvalid`."""
    if value is None and not required:
        return {}
    if not isinstance(value, Mapping):
        raise SpecInvalid(
            f"{where}: write the fields that `kubectl explain redoxcredentials.{where}` lists."
        )
    return value


def read_texts(
    value: object, where: str, *, names: Text, values: Text, most: int
) -> dict[str, str]:
    """A map of strings. Raises `SpecInvalid`."""
    texts = read_object(value, where)
    if len(texts) > most:
        raise SpecInvalid(f"{where}: write at most {most} entries.")
    return {
        names.read(name, where): values.read(text, f"{where}[{name}]")
        for name, text in texts.items()
    }


def read_set(value: object, where: str, *, items: Text, most: int) -> tuple[str, ...]:
    """A list of strings, each once, in the author's order. Raises `SpecInvalid`."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > most:
        raise SpecInvalid(f"{where}: write a list of at most {most} items.")
    read = tuple(items.read(item, f"{where}[{index}]") for index, item in enumerate(value))
    if len(set(read)) < len(read):
        raise SpecInvalid(f"{where}: write each item once.")
    return read


def read_whole_number(value: object, where: str, *, lowest: int, highest: int) -> int | None:
    """A whole number within bounds, or None where it is left out. Raises `SpecInvalid`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise SpecInvalid(f"{where}: write a whole number from {lowest} to {highest}.")
    return value


def read_flag(value: object, where: str) -> bool:
    """Whether it is true; left out is false. Raises `SpecInvalid`."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise SpecInvalid(f"{where}: write true or false, without quotation marks.")
    return value
