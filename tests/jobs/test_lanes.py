from scoreline.jobs.lanes import KEEP_ALIVE_SECONDS, Lanes
from scoreline.transport.record import StoredRecord


class ScriptedSource:
    """A lane that hands out records in turn, and remembers what was asked of it."""

    def __init__(self, *offsets):
        self._offsets = list(offsets)
        self.timeouts = []
        self.kept_alive = 0

    def poll(self, max_records, max_bytes, timeout_seconds):
        self.timeouts.append(timeout_seconds)
        assert max_records == 1
        return [StoredRecord(offset_=self._offsets.pop(0))] if self._offsets else []

    def keep_alive(self):
        self.kept_alive += 1


def test_a_bulk_chunk_comes_only_where_there_is_no_other():
    jobs, bulk = ScriptedSource(1, 2), ScriptedSource(8, 9)
    lanes = Lanes(jobs, bulk, clock=lambda: 0.0)
    polled = [lanes.poll(0.1) for _ in range(5)]
    assert [(lane, record.offset()) for lane, record in filter(None, polled)] == [
        (jobs, 1),
        (jobs, 2),
        (bulk, 8),
        (bulk, 9),
    ]
    assert polled[4] is None


def test_nobody_waits_for_a_small_job_while_there_are_bulk_chunks():
    jobs, bulk = ScriptedSource(), ScriptedSource(8, 9)
    lanes = Lanes(jobs, bulk, clock=lambda: 0.0)
    for _ in range(4):
        lanes.poll(0.1)
    assert jobs.timeouts == [0.1, 0.0, 0.0, 0.1]
    assert set(bulk.timeouts) == {0.0}


def test_a_lane_that_is_not_polled_is_kept_alive_now_and_then():
    now = 0.0
    jobs, bulk = ScriptedSource(*range(1000)), ScriptedSource()
    lanes = Lanes(jobs, bulk, clock=lambda: now)
    while now < 3 * KEEP_ALIVE_SECONDS + 1:
        now += 0.1
        lanes.poll(0.1)
    assert (jobs.kept_alive, bulk.kept_alive) == (0, 3)


def test_both_lanes_are_kept_alive_while_nothing_is_in_hand():
    now = 0.0
    jobs, bulk = ScriptedSource(), ScriptedSource()
    lanes = Lanes(jobs, bulk, clock=lambda: now)
    lanes.keep_alive()
    now = KEEP_ALIVE_SECONDS
    lanes.keep_alive()
    lanes.keep_alive()
    assert (jobs.kept_alive, bulk.kept_alive) == (1, 1)
