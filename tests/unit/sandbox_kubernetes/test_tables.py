"""Ages and JSONPaths of printer columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from redox_sandbox.kubernetes.tables.durations import age, human_duration
from redox_sandbox.kubernetes.tables.json_path import PathError, find
from redox_sandbox.kubernetes.tables.printer import printer_columns

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (11_400, "3h10m"),
        (30_000, "8h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (700_000, "8d"),
        (63_072_000, "2y"),
        (65_000_000, "2y22d"),
        (260_000_000, "8y"),
    ],
)
def test_a_duration_has_two_or_three_figures(seconds: int, shown: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize("text", [None, "", "yesterday", 5])
def test_the_age_of_what_is_no_time_is_unknown(text: object) -> None:
    assert age(text, NOW) == "<unknown>"


OBJECT = {
    "spec": {"color": "red", "tags": ["a", "b"], "dotted.name": 1},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Stalled", "status": "False"},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param(".spec.color", ["red"], id="a member"),
        pytest.param(".spec['color']", ["red"], id="a member in brackets"),
        pytest.param(r".spec.dotted\.name", [1], id="a dot in a name"),
        pytest.param(".spec.tags[0]", ["a"], id="an index"),
        pytest.param(".spec.tags[-1]", ["b"], id="an index from the end"),
        pytest.param(".spec.tags[*]", ["a", "b"], id="all elements"),
        pytest.param(".spec.tags[9]", [], id="an index out of range"),
        pytest.param(".spec.none.deeper", [], id="an absent member"),
        pytest.param(
            '.status.conditions[?(@.type=="Ready")].status', ["True"], id="a filter, double quotes"
        ),
        pytest.param(".status.conditions[?(@.type=='Stalled')].status", ["False"], id="a filter"),
        pytest.param(
            ".status.conditions[?(@.type != 'Ready')].type", ["Stalled"], id="a negated filter"
        ),
        pytest.param(".status.conditions[?(@.type=='None')].status", [], id="no match"),
    ],
)
def test_a_path_finds(path: str, found: list[Any]) -> None:
    assert find(path, OBJECT) == found


def test_a_path_beyond_columns_is_refused() -> None:
    with pytest.raises(PathError):
        find("..color", OBJECT)


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("string", "x", "x"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("string", {"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
        ("integer", 5, 5),
        ("integer", 5.9, 5),
        ("integer", "5", None),
        ("integer", True, None),
        ("number", 0.5, 0.5),
        ("boolean", False, False),
        ("boolean", "true", None),
        ("date", "2025-12-31T23:59:00Z", "60s"),
        ("date", "2026-01-01T01:00:00Z", "<invalid>"),
        ("date", "soon", "<invalid>"),
        ("date", 5, None),
    ],
)
def test_a_cell_has_the_type_of_its_column(kind: str, value: Any, cell: Any) -> None:
    column = printer_columns([{"name": "X", "type": kind, "jsonPath": ".x"}])[1]

    assert column.cell({"x": value}, NOW) == cell
