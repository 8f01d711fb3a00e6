"""What the jobs role says of itself."""

import pytest

from scoreline.errors import DeliveryError
from scoreline.jobs.observers import ChunkScored
from scoreline.records import TopicPartition
from scoreline.service.jobs_health import FORGOTTEN_SECONDS, JobsHealth, WorkerHealth
from scoreline.stream.heartbeat import PATIENCE_SECONDS, STALE_SECONDS
from scoreline.transport.record import StoredRecord
from tests.jobs.builders import make_chunk, make_order

SCORED = ChunkScored("jobs", "a-job", 0, "flights", 3, 10, 0, {"decode": 0.1})
FIRST = TopicPartition("jobs", 0)


class Scene:
    def __init__(self, workers=2):
        self.now = 0.0
        self.health = JobsHealth()
        self.workers = [self.health.add(WorkerHealth(lambda: self.now, ("jobs", "bulk"))) for _ in range(workers)]

    def join(self):
        for worker in self.workers:
            for lane in worker.lanes:
                lane.assigned([])
        return self

    @property
    def state(self):
        component = self.health.check()
        return component.ready, component.alive, component.detail


def test_without_workers_it_says_what_is_waited_for():
    health = JobsHealth()
    health.described("waiting for Kafka")
    assert (health.check().ready, health.check().alive, health.check().detail) == (False, True, "waiting for Kafka")


def test_it_is_ready_once_every_worker_has_joined_with_both_lanes():
    scene = Scene()
    scene.workers[0].lanes[0].assigned([FIRST])
    scene.workers[0].described("joining the consumer group")
    assert scene.state == (False, True, "joining the consumer group")
    assert scene.join().state == (True, True, "2 workers, 1 partitions assigned")


def test_one_worker_that_does_not_turn_is_enough_not_to_be_alive():
    scene = Scene().join()
    scene.now = STALE_SECONDS
    scene.workers[1].turned()
    assert scene.state[:2] == (False, False)
    assert "has not turned for 60 s" in scene.state[2]


def test_an_acknowledgement_that_does_not_come_is_no_readiness_but_life():
    scene = Scene().join()
    scene.workers[0].acknowledgement_awaited()
    scene.now = PATIENCE_SECONDS
    scene.workers[0].acknowledgement_awaited()
    assert scene.state == (False, True, "nothing has been acknowledged for 5 s")
    scene.workers[0].turned()
    assert scene.state[0]


@pytest.mark.parametrize(
    "finish",
    [
        lambda worker: worker.chunk_scored(SCORED),
        lambda worker: worker.chunk_skipped(StoredRecord()),
        lambda worker: worker.chunk_buried(StoredRecord(), "no chunk"),
        lambda worker: worker.chunk_passed_over(StoredRecord(), make_chunk([b"{}"], order=make_order(model="other"))),
    ],
)
def test_a_chunk_that_was_rolled_back_is_trouble_until_one_is_finished(finish):
    scene = Scene().join()
    scene.workers[0].chunk_rolled_back(StoredRecord(), DeliveryError("refused"), 1.0)
    assert scene.state == (False, True, "DeliveryError: refused")
    finish(scene.workers[0])
    assert scene.state[0]


@pytest.mark.parametrize("leave", ["revoked", "lost"])
def test_trouble_goes_with_the_partition_of_its_chunk(leave):
    """Another worker finishes the chunk, and this one may never see another."""
    scene = Scene().join()
    lane = scene.workers[0].lanes[0]
    second = TopicPartition("jobs", 1)
    lane.assigned([FIRST, second])
    scene.workers[0].chunk_rolled_back(StoredRecord("jobs", 0), DeliveryError("the group has moved on"), 1.0)
    getattr(lane, leave)([second])
    assert "moved on" in scene.state[2]
    getattr(lane, leave)([FIRST])
    lane.assigned([second])
    assert scene.state[0]


def test_trouble_ends_where_its_chunk_does_not_come_back():
    """Its partition had gone before the trouble was told, and came back when the chunk was done."""
    scene = Scene().join()
    scene.workers[0].chunk_rolled_back(StoredRecord(), DeliveryError("the group has moved on"), 4.0)
    for now, ready in ((FORGOTTEN_SECONDS + 3.9, False), (FORGOTTEN_SECONDS + 4.0, True)):
        scene.now = now
        for worker in scene.workers:
            worker.turned()
        assert scene.state[0] is ready


def test_a_job_of_another_model_is_told_once(caplog):
    caplog.set_level("INFO")
    worker = Scene().workers[0]
    for number in range(3):
        worker.chunk_passed_over(StoredRecord(), make_chunk([b"{}"], order=make_order(model="other"), number=number))
    assert [r.model for r in caplog.records if r.event == "job_passed_over"] == ["other"]


def test_a_partition_that_stands_is_trouble_until_it_goes():
    scene = Scene().join()
    lane = scene.workers[1].lanes[1]
    lane.assigned([FIRST])
    lane.stranded(FIRST, "its offset is gone")
    assert scene.state == (False, True, "its offset is gone")
    lane.revoked([FIRST])
    assert scene.state[0]


def test_a_member_that_was_lost_has_to_join_again():
    scene = Scene().join()
    scene.workers[0].lanes[0].lost([FIRST])
    assert not scene.state[0]
    scene.workers[0].lanes[0].assigned([FIRST])
    assert scene.state[0]
