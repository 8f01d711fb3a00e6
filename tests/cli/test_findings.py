"""Questions whose answers are collected, whatever becomes of them."""

import pytest

from scoreline.cli.findings import Finding, Findings, State
from scoreline.errors import ConfigError, FatalClientError, ServiceError, Unavailable


def test_an_answer_is_given_and_noted():
    findings = Findings()

    assert findings.ask("broker", lambda: (5, "answers")) == 5
    assert findings.found == (Finding("broker", State.OK, "answers"),)
    assert findings.exit_code == 0


def test_an_error_is_noted_and_does_not_keep_the_next_question_from_being_asked():
    def fail():
        raise Unavailable("away")

    findings = Findings()
    assert findings.ask("broker", fail) is None
    findings.ask("model", lambda: (1, "there"))

    assert [(f.item, f.state) for f in findings.found] == [("broker", State.FAILED), ("model", State.OK)]
    assert findings.exit_code == 3


def test_an_error_without_a_name_is_not_hidden():
    def crash():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Findings().ask("broker", crash)


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], 0),
        ([Unavailable("x")], 3),
        ([Unavailable("x"), ConfigError("y")], 2),
        ([FatalClientError("x"), Unavailable("y")], 3),
        ([FatalClientError("x")], 1),
    ],
)
def test_the_worst_decides_the_exit_code(errors, code):
    findings = Findings()
    findings.note("something", "odd", State.WARNING)
    for error in errors:
        assert isinstance(error, ServiceError)
        findings.fail("item", error)

    assert findings.exit_code == code
