"""What is left to clear when nothing is known any more."""

from scoreline.observability.drift.outstanding import Outstanding
from scoreline.observability.drift.states import State
from tests.observability.drift.scenes import make_change


def test_what_is_still_raised_is_cleared_once_from_the_state_that_was_told_last():
    outstanding = Outstanding()
    outstanding.note([make_change(2, state=State.WARNING), make_change(0), make_change(1)])
    outstanding.note([make_change(1, earlier=State.DRIFT, state=State.OK)])
    outstanding.note([make_change(0, earlier=State.DRIFT, state=State.WARNING)])

    assert [(change.axis, change.earlier, change.state, change.at_ms) for change in outstanding.clear(7)] == [
        (0, State.WARNING, State.NO_DATA, 7),
        (2, State.WARNING, State.NO_DATA, 7),
    ]
    assert outstanding.clear(8) == []
