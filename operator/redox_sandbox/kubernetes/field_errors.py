"""What is wrong with one field, in the words of apimachinery's `field.Error`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redox_sandbox.kubernetes.objects import Object


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault: where, of which kind, and the sentence."""

    field: str
    reason: str
    message: str

    def cause(self) -> Object:
        """Return the entry of `details.causes`."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _with(detail: str, head: str) -> str:
    return f"{head}: {detail}" if detail else head


def required(field: str, detail: str = "") -> FieldError:
    """The field is absent."""
    return FieldError(field, "FieldValueRequired", _with(detail, "Required value"))


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """The value breaks a rule."""
    message = _with(detail, f"Invalid value: {_shown(value)}")
    return FieldError(field, "FieldValueInvalid", message)


def wrong_type(field: str, value: Any, detail: str) -> FieldError:
    """The value is of another type."""
    message = _with(detail, f"Invalid value: {_shown(value)}")
    return FieldError(field, "FieldValueTypeInvalid", message)


def not_supported(field: str, value: Any, allowed: Iterable[str]) -> FieldError:
    """The value is none of those allowed."""
    values = ", ".join(f'"{item}"' for item in allowed)
    message = f"Unsupported value: {_shown(value)}: supported values: {values}"
    return FieldError(field, "FieldValueNotSupported", message)


def forbidden(field: str, detail: str) -> FieldError:
    """The field may not be set, or not changed."""
    return FieldError(field, "FieldValueForbidden", _with(detail, "Forbidden"))


def duplicate(field: str, value: Any) -> FieldError:
    """The list already holds this value."""
    return FieldError(field, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def too_long(field: str, limit: int) -> FieldError:
    """The value is longer than it may be; it is not repeated, because it may be secret."""
    message = f"Too long: may not be more than {limit} bytes"
    return FieldError(field, "FieldValueTooLong", message)


def too_many(field: str, count: int, limit: int) -> FieldError:
    """The list or map has more entries than it may have."""
    message = f"Too many: {count}: must have at most {limit} items"
    return FieldError(field, "FieldValueTooMany", message)


def immutable(field: str, value: Any) -> FieldError:
    """The field cannot change."""
    return invalid(field, value, "field is immutable")
