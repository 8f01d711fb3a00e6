"""Lines for changes."""

import logging

from scoreline.models.baseline.baseline import Origin
from scoreline.observability.drift.log import MOST_LINES, DriftLog
from scoreline.observability.drift.ports import DriftChanged
from scoreline.observability.drift.states import State
from tests.observability.drift.scenes import make_change


def changed(**fields):
    return DriftChanged("flights", 3, Origin.PUBLISHED, make_change(**fields))


def test_a_raised_state_is_a_warning_with_its_cause(caplog):
    DriftLog().drift_changed([changed()])

    (line,) = caplog.records
    assert (line.levelno, line.event) == (logging.WARNING, "drift_raised")
    assert line.getMessage() == (
        "flights 3: x is in state drift after ok: js_distance is 0.4, where 0.2 is the threshold"
    )
    assert (line.feature, line.state, line.before, line.rule, line.statistic, line.value, line.threshold) == (
        "x",
        "drift",
        "ok",
        "calibrated",
        "js_distance",
        0.4,
        0.2,
    )
    assert (line.model, line.version, line.windows, line.baseline) == ("flights", 3, 1, "published")


def test_a_cleared_state_is_information(caplog):
    caplog.set_level(logging.INFO)
    DriftLog().drift_changed([changed(earlier=State.DRIFT, state=State.WARNING)])

    (line,) = caplog.records
    assert (line.levelno, line.event) == (logging.INFO, "drift_cleared")


def test_where_everything_changes_at_once_the_rest_is_one_line(caplog):
    DriftLog().drift_changed([changed()] * (MOST_LINES + 7))

    assert len(caplog.records) == MOST_LINES + 1
    assert (caplog.records[-1].event, caplog.records[-1].raised) == ("drift_untold", 7)


def test_where_everything_is_cleared_at_once_the_rest_is_information(caplog):
    caplog.set_level(logging.INFO)
    DriftLog().drift_changed([changed(earlier=State.DRIFT, state=State.NO_DATA)] * (MOST_LINES + 7))

    assert {line.levelno for line in caplog.records} == {logging.INFO}
    assert (caplog.records[-1].event, caplog.records[-1].cleared) == ("drift_untold", 7)
