"""What a replay remembers, and what it refuses to go on with."""

from dataclasses import replace

import pytest

from scoreline.errors import ConfigError, Refused
from scoreline.records import TopicPartition
from scoreline.stream.replay import ReplayOrder, begin_plan, recall_plan
from scoreline.transport.ranges import NotedOffset, OffsetRange

ORDER = ReplayOrder("features", 1_700_000_000_000, 1_700_000_060_000, "delays", 3, "again")
RANGES = {TopicPartition("features", 0): OffsetRange(10, 30), TopicPartition("features", 1): OffsetRange(5, 5)}
FIRST, SECOND = RANGES


def commit(plan, **next_offsets):
    """What the group has after the plan was begun, and then has got to these offsets of each partition."""
    notes = plan.notes()
    found = {p: next_offsets.get(f"p{p.partition}", offset) for p, offset in plan.next_offsets.items()}
    return {p: NotedOffset(offset, notes[p]) for p, offset in found.items()}


def test_nothing_is_recalled_where_nothing_was_committed():
    assert recall_plan(ORDER, {}) is None


def test_a_plan_begins_at_its_ranges_and_an_empty_range_is_done_at_once():
    plan = begin_plan(ORDER, RANGES)

    assert plan.next_offsets == {FIRST: 10, SECOND: 5}
    assert (plan.total, plan.done, plan.is_finished) == (20, 0, False)
    assert begin_plan(ORDER, {SECOND: RANGES[SECOND]}).is_finished


def test_the_ranges_are_recalled_as_they_were_found_and_the_offsets_as_they_were_committed():
    plan = recall_plan(ORDER, commit(begin_plan(ORDER, RANGES), p0=17))

    assert plan.ranges == RANGES
    assert plan.next_offsets == {FIRST: 17, SECOND: 5}
    assert (plan.done, plan.is_finished) == (7, False)
    assert plan.notes() == begin_plan(ORDER, RANGES).notes()


def test_it_is_finished_where_every_end_is_committed():
    assert recall_plan(ORDER, commit(begin_plan(ORDER, RANGES), p0=30)).is_finished


def test_offsets_beyond_a_range_count_as_its_ends():
    plan = recall_plan(ORDER, commit(begin_plan(ORDER, RANGES), p0=99, p1=2))

    assert plan.next_offsets == {FIRST: 30, SECOND: 5}


@pytest.mark.parametrize(
    "change",
    [
        {"from_ms": 0},
        {"to_ms": 1_800_000_000_000},
        {"model": "other"},
        {"version": 4},
        {"output_topic": "elsewhere"},
        {"input_topic": "others"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_order_under_the_id_is_refused_with_the_one_that_it_had(change):
    committed = commit(begin_plan(ORDER, RANGES))

    with pytest.raises(ConfigError) as refused:
        recall_plan(replace(ORDER, **change), committed)

    assert (
        "begun with --from 2023-11-14T22:13:20.000Z --to 2023-11-14T22:14:20.000Z --version 3 --output-topic again "
        "(model delays, input topic features)"
    ) in str(refused.value)


def test_where_commits_have_expired_it_is_not_guessed_how_far_they_were():
    committed = commit(begin_plan(ORDER, RANGES))
    del committed[SECOND]

    with pytest.raises(Refused, match=r"1 of 2 partitions.*begin anew under another --id"):
        recall_plan(ORDER, committed)


@pytest.mark.parametrize(
    "note", ["", "offset", "[]", "{}", '{"form":"scoreline-replay-1"}', '{"form":"scoreline-replay-9"}']
)
def test_commits_that_are_no_replays_are_left_alone(note):
    with pytest.raises(ConfigError, match=r"features\[0\].*take another --id"):
        recall_plan(ORDER, {FIRST: NotedOffset(3, note)})
