"""Points in time, in and out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.timestamps import format_time, parse_time
from tests.support.builders import NOW

SECONDS = st.floats(min_value=0, max_value=2**33)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(NOW, "2026-11-23T12:00:00Z", id="a whole second"),
        pytest.param(NOW + 0.999, "2026-11-23T12:00:00Z", id="rounded down"),
        pytest.param(0.0, "1970-01-01T00:00:00Z", id="the epoch"),
        pytest.param(-0.5, "1969-12-31T23:59:59Z", id="rounded down before the epoch too"),
    ],
)
def test_times_are_utc_with_whole_seconds(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("2026-11-23T12:00:00Z", NOW, id="UTC"),
        pytest.param("2026-11-23t12:00:00z", NOW, id="lower case, as RFC 3339 allows"),
        pytest.param("2026-11-23T13:00:00+01:00", NOW, id="an offset"),
        pytest.param("2026-11-23T12:00:00.25Z", NOW + 0.25, id="a fraction"),
        pytest.param("2026-11-23T12:00:00.123456789Z", NOW + 0.123456, id="nanoseconds"),
        pytest.param("1970-01-01T00:00:00Z", 0.0, id="the epoch"),
        pytest.param("9999-12-31T23:59:59Z", 253402300799.0, id="the last second"),
        pytest.param("1969-12-31T23:59:59Z", None, id="before the epoch"),
        pytest.param("0001-01-01T00:00:00+23:59", None, id="a year 0, by its offset"),
        pytest.param("9999-12-31T23:59:59-00:01", None, id="a year 10000, by its offset"),
        pytest.param("2026-11-23T12:00:00", None, id="no offset"),
        pytest.param("2026-11-23", None, id="a date"),
        pytest.param("20261123T120000Z", None, id="ISO 8601, not RFC 3339"),
        pytest.param("2026-W48-1T12:00:00Z", None, id="a week date"),
        pytest.param("2026-02-30T12:00:00Z", None, id="a day that is not"),
        pytest.param("2026-11-23T12:00:00Z ", None, id="a space"),
        pytest.param("٢٠٢٦-11-23T12:00:00Z", None, id="digits of another script"),
        pytest.param("2026-11-23T12:00:00." + "0" * 40 + "Z", None, id="too long"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
        pytest.param(NOW, None, id="a number"),
    ],
)
def test_only_rfc_3339_with_an_offset_is_a_time(text: object, seconds: float | None) -> None:
    assert parse_time(text) == (None if seconds is None else pytest.approx(seconds, abs=1e-5))


@given(SECONDS)
def test_what_was_written_is_read_as_the_second_that_had_begun(seconds: float) -> None:
    assert parse_time(format_time(seconds)) == math.floor(seconds)


@given(st.text(max_size=50) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[Z+0-9:]{1,6}"))
def test_no_text_breaks_reading(text: str) -> None:
    parsed = parse_time(text)
    assert parsed is None or math.isfinite(parsed)
