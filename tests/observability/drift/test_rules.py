import numpy as np
import pytest

from scoreline.observability.drift.rules import check_means
from scoreline.observability.drift.states import Rule, State
from scoreline.observability.drift.statistics import lay_out
from tests.observability.drift.streams import (
    COLOUR,
    GRID,
    OUTPUT,
    SPEED,
    WEIGHT,
    add_up,
    count,
    draw_rows,
    fill,
    make_baseline,
    shift,
)

BASELINE = make_baseline(8)
LAYOUT = lay_out(GRID)


def check(changes, allowed=0.25, baseline=BASELINE):
    windows = [count(change(draw_rows(900 + i))) for i, change in enumerate(changes)]
    return check_means(LAYOUT, add_up(windows), len(windows), baseline, allowed, State.WARNING)


def same(rows):
    return rows


def test_steady_windows_are_silent():
    assert not (check([same] * 4).ratios > 1).any()


def test_the_mean_of_four_windows_counts_and_not_that_of_the_last():
    once, always = shift(SPEED, 0.6), shift(SPEED, 0.6)
    assert check([same, same, same, once]).ratios[SPEED] < 1 < check([always] * 4).ratios[SPEED]


def test_the_limit_is_a_share_of_the_mean_or_of_the_deviation_whichever_is_larger():
    limits = check([same] * 4).limits
    assert limits[SPEED] == pytest.approx(0.25 * BASELINE.means[SPEED])
    assert BASELINE.means[SPEED] > BASELINE.deviations[SPEED]
    small = make_baseline(8, change=shift(SPEED, -1.0))
    assert check([same] * 4, baseline=small).limits[SPEED] == pytest.approx(0.25 * small.deviations[SPEED])


def test_what_caused_it_is_told_with_the_windows_that_there_were():
    cause = check([shift(OUTPUT, 0.3)] * 3).cause_of(OUTPUT)
    assert (cause.rule, cause.statistic, cause.windows) == (Rule.RELATIVE_MEAN, "mean", 3)
    assert cause.value == pytest.approx(0.3, abs=0.02)
    assert cause.value > cause.threshold


def test_categories_have_no_mean():
    assert check([fill(COLOUR, 2)] * 4).ratios[COLOUR] == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_it_says_nothing_of_what_has_no_finite_mean(value):
    assert check([fill(WEIGHT, value)] * 4).ratios[WEIGHT] == 0


def test_it_says_nothing_where_the_training_had_nothing_but_one_zero():
    zero = make_baseline(8, change=fill(SPEED, 0.0))
    assert check([same] * 4, baseline=zero).ratios[SPEED] == 0
