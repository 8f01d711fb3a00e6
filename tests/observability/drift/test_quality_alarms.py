import numpy as np
import pytest

from scoreline.observability.drift.quality_alarms import QualityAlarms
from scoreline.observability.drift.states import Rule
from scoreline.observability.drift.statistics import lay_out
from tests.observability.drift.streams import (
    COLOUR,
    GRID,
    SPEED,
    WEIGHT,
    count,
    draw_rows,
    fill,
    make_baseline,
)

BASELINE = make_baseline(20)


def look(baseline, changes, unseen=0):
    alarms = QualityAlarms(baseline, lay_out(GRID))
    found = []
    for i, change in enumerate(changes):
        alarms.look(count(change(draw_rows(700 + i)), unseen))
        found.append({axis: cause.statistic for axis, cause in alarms.causes.items()})
    return found


def same(rows):
    return rows


@pytest.mark.parametrize(
    ("axis", "value", "statistic"),
    [
        (SPEED, np.nan, "missing_ratio"),
        (SPEED, 1.0, "largest_bin_ratio"),
        (SPEED, 40.0, "outside_ratio"),
        (WEIGHT, -1.0, "outside_ratio"),
        (COLOUR, np.nan, "missing_ratio"),
        (COLOUR, 1.0, "largest_bin_ratio"),
        (COLOUR, 7.0, "unseen_ratio"),
    ],
)
def test_values_that_are_suddenly_all_alike_alarm_at_the_first_look(axis, value, statistic):
    assert look(BASELINE, [same, fill(axis, value)]) == [{}, {axis: statistic}]


def test_levels_that_were_unseen_alarm_where_the_matrix_has_them_as_nulls():
    assert look(BASELINE, [fill(COLOUR, np.nan)], unseen=512) == [{COLOUR: "unseen_ratio"}]


def test_half_is_enough_where_the_training_never_had_any():
    def lose(rows):
        rows = rows.copy()
        rows[: int(0.6 * len(rows)), SPEED] = np.nan
        return rows

    assert look(BASELINE, [lose]) == [{SPEED: "missing_ratio"}]


def test_it_clears_by_itself_after_three_looks_without():
    assert look(BASELINE, [fill(SPEED, 1.0), same, same, same]) == [{SPEED: "largest_bin_ratio"}] * 3 + [{}]


def test_rows_clear_an_alarm_and_not_looks():
    """As where windows end after a few rows more than were looked at."""
    alarms = QualityAlarms(BASELINE, lay_out(GRID))
    alarms.look(count(fill(SPEED, np.nan)(draw_rows(700))))
    for i in range(11):
        alarms.look(count(draw_rows(701 + i, 125)))
        assert SPEED in alarms.causes
    alarms.look(count(draw_rows(720, 125)))

    assert alarms.causes == {}


@pytest.mark.parametrize("value", [np.nan, 1.0, 40.0])
def test_what_blocks_of_the_training_were_alarms_nobody(value):
    """One block in eight was like that, as weather is."""
    blocks = iter(range(1000))

    def sometimes(rows):
        return rows if next(blocks) % 8 else fill(SPEED, value)(rows)

    assert look(make_baseline(20, change=sometimes), [fill(SPEED, value)]) == [{}]


def test_a_feature_that_is_nearly_always_null_is_not_called_constant():
    def mostly_null(rows):
        rows = rows.copy()
        rows[3:, SPEED] = np.nan
        return rows

    assert look(make_baseline(20, change=mostly_null), [mostly_null, fill(SPEED, 1.0)]) == [{}, {}]


def test_rows_are_looked_at_as_many_together_as_a_block_has():
    """Half a window's rows, twice: the blocks have more than the half, so both are looked at together."""
    blocks = make_baseline(80, change=same).blocks
    large = [blocks[i].copy() for i in range(0, len(blocks), 8)]
    for i, block in enumerate(large):
        for other in blocks[i * 8 + 1 : i * 8 + 8]:
            block.add(other)
    baseline = make_baseline(80)
    larger = type(baseline)(GRID, baseline.total, baseline.means, baseline.deviations, large)
    stuck = fill(SPEED, 1.0)
    assert look(larger, [stuck, stuck, same, same, same, same])[:2] == [{}, {SPEED: "largest_bin_ratio"}]


@pytest.mark.parametrize("value", [np.nan, 40.0])
def test_without_blocks_what_was_rare_in_the_training_alarms(value):
    baseline = make_baseline(20, ordered=False)
    assert list(look(baseline, [fill(SPEED, value)])[0]) == [SPEED]


def test_without_blocks_nobody_knows_whether_to_be_constant_is_usual():
    assert look(make_baseline(20, ordered=False), [fill(SPEED, 1.0)]) == [{}]


def test_the_cause_tells_what_was_found_and_what_is_allowed():
    alarms = QualityAlarms(BASELINE, lay_out(GRID))
    alarms.look(count(fill(SPEED, np.nan)(draw_rows(1))))
    cause = alarms.causes[SPEED]
    assert (cause.rule, cause.value, cause.windows) == (Rule.QUALITY, 1.0, 0)
    assert cause.threshold == pytest.approx(0.5)
