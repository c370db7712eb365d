"""The rules of faults: which are refused, and which one decides."""

from __future__ import annotations

import pytest

from redox_sandbox.redox.faults import FaultInvalid, Faults

HANG = {"fault": "hang"}


def faults(*rules: object, draw: float = 0.0) -> Faults:
    made = Faults(lambda: draw)
    made.set(list(rules))
    return made


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        pytest.param("hang", "write an object with `fault`", id="a text"),
        pytest.param({}, "`fault` is one of status, hang, reset", id="no fault"),
        pytest.param({"fault": "melt"}, "`fault` is one of", id="an unknown fault"),
        pytest.param({"fault": ["hang"]}, "`fault` is one of", id="a list as fault"),
        pytest.param(
            {**HANG, "status": 1}, "'status' is not known for hang", id="a foreign option"
        ),
        pytest.param({"fault": "status"}, "status needs status", id="no status"),
        pytest.param({"fault": "slow"}, "slow needs seconds", id="no seconds"),
        pytest.param({"fault": "clock"}, "clock needs seconds", id="no seconds for the clock"),
        pytest.param(
            {"fault": "clock", "seconds": 1, "times": 2}, "'times' is not known", id="a clock twice"
        ),
        pytest.param({**HANG, "path": "/v2"}, "path is one of token, fhir", id="an unknown path"),
        pytest.param({**HANG, "clientId": 7}, "clientId is a text", id="a number as client"),
        pytest.param({**HANG, "times": 0}, "times is a whole number above 0", id="no times"),
        pytest.param({**HANG, "times": 1.5}, "times is a whole number", id="a fraction of times"),
        pytest.param({**HANG, "probability": 2}, "between 0 and 1", id="more than certain"),
        pytest.param({"fault": "status", "status": 99}, "between 200 and 599", id="status 99"),
        pytest.param(
            {"fault": "status", "status": 503, "headers": {"Retry-After": 3}},
            "headers is an object of texts",
            id="a number as header",
        ),
        pytest.param({"fault": "status", "status": 503, "body": 7}, "body is a text", id="body"),
        pytest.param({"fault": "slow", "seconds": "1"}, "seconds is a number", id="seconds"),
        pytest.param({"fault": "redirect", "location": 7}, "location is an address", id="location"),
        pytest.param({"fault": "answer", "fields": []}, "fields is an object", id="fields"),
        pytest.param({"fault": "answer", "omit": "x"}, "omit is a list", id="omit"),
        pytest.param(
            {"fault": "answer", "path": "fhir"}, "the path token only", id="answer of fhir"
        ),
    ],
)
def test_a_faulty_rule_is_refused_and_changes_nothing(rule: object, sentence: str) -> None:
    made = faults(HANG)

    with pytest.raises(FaultInvalid) as caught:
        made.set([HANG, rule])

    assert str(caught.value).startswith("rule 2: ")
    assert sentence in str(caught.value)
    assert made.describe() == [HANG]


def test_rules_are_a_list() -> None:
    with pytest.raises(FaultInvalid, match="a JSON list"):
        Faults().set(HANG)


@pytest.mark.parametrize(
    ("rule", "path", "client_id", "holds"),
    [
        pytest.param(HANG, "token", "app", True, id="the token endpoint by default"),
        pytest.param(HANG, "fhir", "app", False, id="another path"),
        pytest.param({**HANG, "path": "fhir"}, "fhir", None, True, id="a path of its own"),
        pytest.param({**HANG, "path": "*"}, "other", None, True, id="every path"),
        pytest.param({**HANG, "clientId": "app"}, "token", "app", True, id="this client"),
        pytest.param({**HANG, "clientId": "app"}, "token", "b", False, id="another client"),
        pytest.param({**HANG, "clientId": "app"}, "token", None, False, id="nobody known"),
        pytest.param({**HANG, "probability": 0.5}, "token", None, True, id="drawn"),
        pytest.param({**HANG, "probability": 0.4}, "token", None, False, id="not drawn"),
    ],
)
def test_a_rule_holds_for_its_path_client_and_draw(
    rule: dict[str, object], path: str, client_id: str | None, holds: bool
) -> None:
    assert (faults(rule, draw=0.4).choose(path, client_id) is not None) is holds


def test_the_first_rule_that_holds_decides_and_is_used_up() -> None:
    made = faults({"fault": "reset", "times": 2}, HANG)

    chosen = [made.choose("token", None) for _ in range(3)]

    assert [rule.fault for rule in chosen if rule] == ["reset", "reset", "hang"]
    assert made.describe() == [{"fault": "reset", "times": 2, "remaining": 0}, HANG]


def test_a_rule_that_is_not_drawn_is_not_used_up() -> None:
    made = faults({**HANG, "times": 1, "probability": 0.5}, draw=0.9)

    made.choose("token", None)

    assert made.describe()[0]["remaining"] == 1


def test_clock_rules_add_up_and_decide_no_request() -> None:
    made = faults({"fault": "clock", "seconds": 60}, {"fault": "clock", "seconds": -20.5})

    assert made.clock_shift == 39.5
    assert made.choose("token", None) is None


def test_cleared_rules_hold_no_more() -> None:
    made = faults(HANG)

    made.clear()

    assert made.choose("token", None) is None
    assert made.describe() == []
