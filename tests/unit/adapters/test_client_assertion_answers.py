"""What is kept of the child's answers, and how many."""

from __future__ import annotations

from redox_operator.adapters.client_assertion.answers import MAX_ANSWERS, Answers, Asked
from redox_operator.adapters.client_assertion.messages import Fault


def asked(number: int, *, thorough: bool = True) -> Asked:
    return Asked(str(number), None, None, thorough)


def test_when_there_are_too_many_the_least_recently_used_goes():
    answers = Answers(lambda: 0.0)
    for number in range(MAX_ANSWERS):
        answers.put(asked(number), Fault(str(number)))
    answers.get(asked(0))

    answers.put(asked(MAX_ANSWERS), Fault("one more"))

    assert answers.get(asked(0)) == Fault("0")
    assert answers.get(asked(1)) is None
    assert answers.get(asked(MAX_ANSWERS)) == Fault("one more")


def test_a_fault_that_parsing_found_is_inspecting_s_too():
    answers = Answers(lambda: 0.0)
    answers.put(asked(1), Fault("damaged"))

    assert answers.get(asked(1, thorough=False)) == Fault("damaged")


def test_what_inspecting_found_does_not_stand_for_parsing():
    answers = Answers(lambda: 0.0)
    answers.put(asked(1, thorough=False), Fault("damaged"))

    assert answers.get(asked(1)) is None
