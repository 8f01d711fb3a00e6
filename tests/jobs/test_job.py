"""The fold of one job: what any order of events that Kafka may give makes of it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from scoreline.jobs.chunk import MOST_CHUNKS
from scoreline.jobs.events import ChunkDone, JobEvent, Submitted, find_key
from scoreline.jobs.job import JobFold, JobSnapshot, JobStatus
from tests.jobs.builders import JOB, OTHER, cancelled, chunk_done, chunk_failed, submitted


def fold(events: Sequence[JobEvent]) -> JobFold:
    found = JobFold()
    for event in events:
        found.apply(event, 0)
    return found


def look(*events: JobEvent) -> JobSnapshot:
    snapshot = fold(events).snapshot()
    assert snapshot is not None
    return snapshot


def test_there_is_no_job_before_its_submission():
    assert fold([chunk_done(0), chunk_done(1)]).snapshot() is None


def test_a_job_goes_from_queued_over_running_to_succeeded():
    assert look(submitted()).status is JobStatus.QUEUED
    running = look(submitted(), chunk_done(1))
    assert (running.status, running.rows_done, running.rows_failed, running.chunks_done) == (
        JobStatus.RUNNING,
        10,
        1,
        1,
    )
    assert running.finished_at_ms is None
    done = look(submitted(), chunk_done(1), chunk_done(0, at_ms=1700))
    assert (done.status, done.rows_done, done.rows_failed, done.finished_at_ms) == (JobStatus.SUCCEEDED, 20, 2, 1700)


def test_a_job_whose_chunks_were_all_faster_succeeds_with_its_submission():
    found = look(chunk_done(0), chunk_done(1), submitted(at_ms=1800))
    assert (found.status, found.finished_at_ms) == (JobStatus.SUCCEEDED, 1800)


def test_the_first_submission_wins_and_only_its_chunks_count():
    found = look(
        chunk_done(0, JOB, OTHER), submitted(chunks=1, rows=10), submitted(JOB, OTHER), chunk_done(1, JOB, OTHER)
    )
    assert (found.submission, found.status, found.chunks_done) == (JOB, JobStatus.QUEUED, 0)
    winner = fold([submitted(JOB, OTHER), submitted()])
    assert winner.is_unwanted(JOB)
    assert not winner.is_unwanted(OTHER)


def test_a_chunk_that_is_done_twice_counts_once():
    found = look(submitted(), chunk_done(0), chunk_done(0), chunk_done(0))
    assert (found.status, found.chunks_done, found.rows_done) == (JobStatus.RUNNING, 1, 10)


def test_a_job_that_was_cancelled_stays_so():
    found = look(submitted(), chunk_done(0), cancelled(), chunk_done(1), chunk_failed(1))
    assert (found.status, found.finished_at_ms, found.detail) == (JobStatus.CANCELLED, 2000, None)


def test_a_job_that_has_ended_is_neither_cancelled_nor_failed():
    found = look(submitted(), chunk_done(0), chunk_done(1), cancelled(), chunk_failed(0))
    assert (found.status, found.detail) == (JobStatus.SUCCEEDED, None)


def test_a_chunk_that_cannot_be_read_fails_its_job_whenever_it_is_told():
    late = look(submitted(), chunk_failed(0), cancelled())
    early = look(chunk_failed(0), submitted())
    for found in (late, early):
        assert (found.status, found.detail) == (JobStatus.FAILED, "it cannot be read")
        assert found.finished_at_ms == 1600


def test_chunks_of_an_upload_that_has_failed_already_are_unwanted():
    assert fold([chunk_failed(0)]).is_unwanted(JOB)
    assert not fold([chunk_done(0)]).is_unwanted(JOB)


@pytest.mark.parametrize("number", [-1, 2, 7, MOST_CHUNKS, 2**31, -(2**40)])
def test_chunks_that_the_job_does_not_have_count_for_nothing(number):
    for events in ([chunk_done(number, first_row=0), submitted()], [submitted(), chunk_done(number, first_row=0)]):
        found = look(*events, chunk_done(0), chunk_done(1))
        assert (found.status, found.chunks_done, found.rows_done) == (JobStatus.SUCCEEDED, 2, 20)


@pytest.mark.parametrize(("chunks", "rows"), [(0, 0), (-1, 5), (MOST_CHUNKS + 1, 2**40), (3, 2)])
def test_a_submission_that_cannot_be_one_is_none(chunks, rows):
    assert fold([submitted(chunks=chunks, rows=rows)]).snapshot() is None


CHUNKS = 3
EVENTS = [
    submitted(chunks=CHUNKS, rows=10 * CHUNKS),
    submitted(JOB, OTHER, chunks=2, rows=20),
    *(chunk_done(number) for number in range(CHUNKS)),
    *(chunk_done(number, JOB, OTHER) for number in range(2)),
]
ENDS = [cancelled(), cancelled(JOB, OTHER), chunk_failed(0), chunk_failed(1, JOB, OTHER)]


@settings(max_examples=60, deadline=None)
@given(st.permutations(EVENTS + ENDS), st.integers(0, len(EVENTS + ENDS)))
def test_any_order_gives_what_a_reading_of_the_rules_gives(events, end):
    """The rules, read one after the other over the whole log, without any state."""
    events = events[:end]
    first = next((e for e in events if isinstance(e, Submitted)), None)
    found = fold(events).snapshot()
    if first is None:
        assert found is None
        return
    assert found is not None
    own = [e for e in events if e.submission == first.submission]
    chunks = {e for e in EVENTS if isinstance(e, ChunkDone) and e.submission == first.submission}
    seen: set[JobEvent] = set()
    status = None
    for event in own:
        seen.add(event)
        if chunks <= seen and first in seen and status is None:
            status = JobStatus.SUCCEEDED
        elif event in ENDS and not chunks <= seen and status is None:
            status = JobStatus.CANCELLED if event in ENDS[:2] else JobStatus.FAILED
    done = sum(isinstance(e, ChunkDone) for e in own)
    assert found.status is (status or (JobStatus.RUNNING if done else JobStatus.QUEUED))
    assert found.submission == first.submission
    assert (found.chunks_done, found.rows_done) == (done, 10 * done)


def compact(events: Sequence[JobEvent], rounds: Sequence[int]) -> list[JobEvent]:
    """What compaction may leave: of each key the last, and of earlier ones up to a point in the log those after it."""
    upto = rounds[0] if rounds else len(events)
    keys = [find_key(event) for event in events]
    kept = {key: i for i, key in enumerate(keys[:upto])}
    return [event for i, event in enumerate(events) if i >= upto or kept[keys[i]] == i]


def lay(event: JobEvent, offset: int) -> JobEvent:
    """A chunk that is done once more has another result, and that a place of its own."""
    return replace(event, place=replace(event.place, offset=offset)) if isinstance(event, ChunkDone) else event


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(EVENTS + ENDS), max_size=16), st.integers(0, 16))
@example([EVENTS[0], *EVENTS[2:4], ENDS[0], EVENTS[4], ENDS[0]], 6)
@example([EVENTS[0], *EVENTS[2:5], ENDS[0], EVENTS[4]], 6)
@example([EVENTS[0], ENDS[2], ENDS[0], EVENTS[2]], 4)
def test_compaction_of_repeated_events_changes_nothing(events, upto):
    """Whoever reads later, and finds only the last of events that were repeated, sees the same job."""
    # Two submissions that both were repeated have no first one any more; each upload submits itself once.
    submissions = [e for e in events if isinstance(e, Submitted)]
    assume(len({e.submission for e in submissions}) < 2 or len(submissions) == 2)
    events = [lay(event, offset) for offset, event in enumerate(events)]
    assert fold(compact(events, [upto])).snapshot() == fold(events).snapshot()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(EVENTS + ENDS), max_size=14), st.integers(0, 14))
def test_reading_anew_from_anywhere_before_changes_nothing(events, start):
    """A feed that begins again applies what was applied already."""
    twice = [*events, *events[start:]]
    before, after = fold(events).snapshot(), fold(twice).snapshot()
    assert (before is None) == (after is None)
    if before is not None and before.status.ended:
        assert after is not None
        assert (after.status, after.finished_at_ms, after.submission) == (
            before.status,
            before.finished_at_ms,
            before.submission,
        )
    assert before == after
