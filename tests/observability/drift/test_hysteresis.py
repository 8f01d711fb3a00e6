import numpy as np
import pytest

from scoreline.observability.drift.hysteresis import Raised


def follow(needed, exceeded):
    raised = Raised(1, needed=needed)
    return [int(raised.update(np.array([bool(each)]))[0]) for each in exceeded]


@pytest.mark.parametrize(
    ("exceeded", "raised"),
    [
        ([1, 0, 0, 0], [0, 0, 0, 0]),
        ([1, 1, 0, 0, 0], [0, 1, 1, 1, 0]),
        ([1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0]),
        ([1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]),
        ([1, 1, 0, 0, 1, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1, 0]),
    ],
)
def test_two_windows_of_three_raise_and_three_without_clear(exceeded, raised):
    assert follow(2, exceeded) == raised


def test_an_alarm_is_raised_by_one_look_and_cleared_by_three_without():
    assert follow(1, [0, 1, 0, 0, 0]) == [0, 1, 1, 1, 0]


def test_axes_do_not_raise_each_other():
    raised = Raised(2, needed=2)
    raised.update(np.array([True, False]))
    assert raised.update(np.array([True, True])).tolist() == [True, False]
