"""Workers over the in-memory broker: one result a row, whatever happens to them."""

import random

import numpy as np
import pytest

from scoreline.errors import DeliveryError, FatalClientError, RecordTooLarge, StopOverdue
from scoreline.jobs.events import EVENTS_PARTITION_HEADER, ChunkDone, ChunkFailed
from scoreline.jobs.job import JobStatus
from scoreline.records import TopicPartition
from tests.jobs.builders import JOB, OTHER, cancelled, make_chunk, make_order, submitted
from tests.jobs.scenes import GROUP, Scene, turn

JOBS = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(5)]


def test_a_chunk_becomes_a_result_an_event_and_an_offset():
    scene = Scene()
    scene.put(make_chunk([b'{"a":1.5}', b'{"a":"?"}'], number=4, first_row=8), partition=1)
    turn([scene.make_worker()], 3)
    (result,) = scene.read_results()
    np.testing.assert_array_equal(result.predictions, [3.0, np.nan])
    assert (result.number, result.first_row, [e.row for e in result.errors]) == (4, 8, [1])
    (event,) = scene.read_events()
    assert isinstance(event, ChunkDone)
    assert (event.job_id, event.place.rows, event.place.rows_failed, event.place.offset) == (JOB, 2, 1, 0)
    assert scene.committed()[TopicPartition("jobs", 1)] == 1
    (told,) = scene.witness.scored
    assert (told.topic, told.rows, told.rows_failed, told.version) == ("jobs", 2, 1, 1)
    assert told.stage_seconds.keys() == {"decode", "predict", "publish"}
    assert scene.witness.predictions == [3.0]


def test_result_and_event_of_a_chunk_belong_to_the_trace_that_the_chunk_says():
    trace = [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode()), ("tracestate", b"x=1")]
    scene = Scene()
    scene.put(make_chunk([b'{"a":1}']), headers=trace)
    scene.put(make_chunk([b'{"a":1}'], number=1), partition=1)
    turn([scene.make_worker()], 3)

    traced = [(topic, record.headers() or []) for topic in ("results", "events") for record in scene.broker.read(topic)]
    assert [(topic, list(headers)) for topic, headers in traced if headers] == [("results", trace), ("events", trace)]
    assert len(traced) == 4
    assert {told.trace and told.trace.trace_id for told in scene.witness.scored} == {"a" * 32, None}


def test_small_jobs_come_before_the_next_bulk_chunk():
    scene = Scene()
    worker = scene.make_worker()
    for number in range(8, 12):
        scene.put_rows(number, lane="bulk")
    turn([worker], 2)
    scene.put_rows(0, job_id=OTHER)
    scene.put_rows(1, job_id=OTHER, partition=1)
    turn([worker], 6)
    topics = [event.topic for event in scene.witness.scored]
    late = topics.index("jobs")
    assert topics[late : late + 2] == ["jobs", "jobs"]
    assert "bulk" in topics[:late]
    assert topics.count("bulk") == 4


@pytest.mark.parametrize("step", ["publish", "send_offsets", "commit"])
def test_a_chunk_whose_transaction_fails_is_scored_again_after_a_pause(step):
    scene = Scene()
    failures = [DeliveryError("not now"), DeliveryError("not yet")]
    scene.delivery.fail_at = lambda name: failures.pop() if name == step and failures else None
    scene.put_rows(0)
    scene.put_rows(1)
    turn([scene.make_worker()], 6)
    assert scene.count_results() == {(JOB, 0): 1, (JOB, 1): 1}
    pauses = [seconds for _, seconds in scene.witness.rolled_back]
    assert len(pauses) == 2
    assert scene.now >= 1000 + sum(pauses)
    assert sorted(scene.witness.predictions) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0], "rows are told once, when they are out"


def test_a_chunk_is_kept_until_the_model_store_is_back():
    """No row error is made of it, and both lanes stay in their group."""
    scene = Scene()
    scene.versions.away = True
    scene.put_rows(0)
    worker = scene.make_worker()
    turn([worker], 6)
    assert scene.read_results() == []
    assert not any(scene.committed().values())
    assert len(scene.witness.rolled_back) >= 4
    scene.versions.away = False
    turn([worker], 1)
    assert scene.count_results() == {(JOB, 0): 1}


def test_a_version_that_is_gone_ends_in_row_errors_and_not_in_a_wait():
    scene = Scene()
    scene.put(make_chunk([b'{"a":1}'], order=make_order(version=9)))
    turn([scene.make_worker()], 2)
    assert [error.detail for error in scene.read_results()[0].errors] == ["there is no version '9'"]


def test_a_wait_ends_with_a_stop():
    scene = Scene()
    scene.versions.away = True
    scene.put_rows(0)
    worker = scene.make_worker()
    turn([worker], 1)
    before = scene.now
    scene.requested = True
    turn([worker], 1)
    worker.run()
    assert scene.now == before


def test_chunks_of_a_cancelled_job_are_passed_over():
    scene = Scene()
    for number in range(3):
        scene.put_rows(number)
    scene.put_rows(0, job_id=OTHER)
    scene.view.apply(submitted(chunks=3, rows=9, at_ms=int(scene.now * 1000)), 0)
    scene.view.apply(cancelled(), 0)
    turn([scene.make_worker()], 6)
    assert scene.count_results() == {(OTHER, 0): 1}
    assert len(scene.witness.skipped) == 3
    assert scene.committed()[TopicPartition("jobs", 0)] == 4


def test_chunks_for_another_model_are_left_to_its_own_workers():
    """Two deployments on the same topics, each with a group of its own: neither answers for the other."""
    scene = Scene()
    scene.put(make_chunk([b'{"z":1}'], order=make_order(model="other")))
    scene.put_rows(0, job_id=OTHER)
    turn([scene.make_worker()], 4)
    assert scene.count_results() == {(OTHER, 0): 1}
    assert [event.job_id for event in scene.read_events()] == [OTHER]
    assert [chunk.order.model for chunk in scene.witness.passed_over] == ["other"]
    assert scene.committed()[TopicPartition("jobs", 0)] == 2


def test_a_worker_that_a_stop_cannot_wait_for_leaves_at_once():
    """How its transaction ended is not known, so nothing more may be asked of it."""
    scene = Scene()
    scene.delivery.fail_at = lambda step: StopOverdue("no answer") if step == "commit" else None
    scene.put_rows(0)
    with pytest.raises(StopOverdue):
        scene.make_worker().run()
    assert scene.witness.rolled_back == []


def test_a_chunk_that_cannot_be_read_is_buried_and_fails_its_job():
    scene = Scene()
    scene.put_rows(1)
    key = f"{JOB}@{OTHER}/0".encode()
    scene.broker.append("jobs", b"nonsense", key=key, headers=[(EVENTS_PARTITION_HEADER, b"0")])
    turn([scene.make_worker()], 4)
    assert [(r.key(), r.value()) for r in scene.broker.read("dead")] == [(key, b"nonsense")]
    (failed,) = [event for event in scene.read_events() if isinstance(event, ChunkFailed)]
    assert (failed.job_id, failed.submission, failed.number) == (JOB, OTHER, 0)
    assert failed.detail.startswith("chunk 0: ")
    assert scene.committed()[TopicPartition("jobs", 0)] == 2
    assert scene.count_results() == {(JOB, 1): 1}


def test_a_record_that_names_no_job_is_buried_alone():
    scene = Scene()
    scene.broker.append("bulk", None, key=b"what?")
    scene.broker.append("bulk", b"", key=None)
    turn([scene.make_worker()], 4)
    assert len(scene.broker.read("dead")) == 2
    assert scene.read_events() == []
    assert scene.committed()[TopicPartition("bulk", 0)] == 2


def test_a_result_that_is_too_large_fails_its_job_instead_of_being_tried_forever():
    scene = Scene()
    scene.delivery.most_result_bytes = 10
    scene.put_rows(0)
    turn([scene.make_worker()], 2)
    (failed,) = scene.read_events()
    assert isinstance(failed, ChunkFailed)
    assert "its result cannot be published" in failed.detail
    assert len(scene.broker.read("dead")) == 1
    assert scene.witness.predictions == []


def test_a_dead_letter_that_is_too_large_is_not_dropped():
    scene = Scene()
    scene.delivery.fail_at = lambda _: RecordTooLarge("no")
    scene.broker.append("jobs", b"nonsense")
    turn([scene.make_worker()], 3)
    assert not any(scene.committed().values())
    assert scene.witness.rolled_back


def test_a_client_that_cannot_go_on_ends_the_worker():
    scene = Scene()
    scene.delivery.fail_at = lambda _: FatalClientError("fenced")
    scene.put_rows(0)
    with pytest.raises(FatalClientError):
        scene.make_worker().run()


def test_a_worker_tells_that_it_is_alive_while_it_waits():
    scene = Scene()
    scene.versions.away = True
    scene.put_rows(0)
    turn([scene.make_worker()], 3)
    assert scene.witness.turns > 10


def test_the_group_metadata_are_those_of_before_the_chunk_was_scored():
    """Whoever owns the partition by then scores it anew, so what was begun before must not count."""
    scene = Scene()
    scene.put_rows(0)
    worker = scene.make_worker()
    resolve = scene.versions.resolve

    others = []

    def join_meanwhile(selector=None):
        scene.versions.resolve = resolve
        others.append(scene.make_worker(scene.open_lanes("another")))
        return resolve(selector)

    scene.versions.resolve = join_meanwhile
    turn([worker], 1)
    assert scene.read_results() == []
    assert isinstance(scene.witness.rolled_back[0][0], DeliveryError)
    turn([worker, *others], 4)
    assert scene.count_results() == {(JOB, 0): 1}


@pytest.mark.parametrize("seed", range(12))
def test_every_row_has_exactly_one_result_whatever_happens(seed):
    """Deliveries fail at any step, members are expired, join and leave, the store goes and comes."""
    rng = random.Random(seed)
    scene = Scene()
    chunks = {}
    for job_id in JOBS:
        count = rng.randint(1, 6)
        chunks[job_id] = count
        for number in range(count):
            lane = "jobs" if number < 3 else "bulk"
            scene.put_rows(number, job_id=job_id, lane=lane, partition=rng.randrange(2))
    for job_id, count in chunks.items():
        event = submitted(job_id, chunks=count, rows=3 * count, at_ms=int(scene.now * 1000))
        scene.view.apply(event, 0)
    scene.delivery.fail_at = lambda _: DeliveryError("a fault") if rng.random() < 0.1 else None
    workers = {name: scene.make_worker(scene.open_lanes(name)) for name in ("a", "b")}
    for _ in range(150):
        what = rng.random()
        if what < 0.8:
            workers[rng.choice(sorted(workers))].turn()
        elif what < 0.87:
            member = f"{rng.choice(sorted(workers))}-{rng.choice(['jobs', 'bulk'])}"
            scene.broker.group(GROUP).expire(member)
        elif what < 0.92 and "c" not in workers:
            workers["c"] = scene.make_worker(scene.open_lanes("c"))
        elif what < 0.96 and "c" in workers:
            # It is killed: nobody hears of it again.
            del workers["c"]
            for lane in ("jobs", "bulk"):
                scene.broker.group(GROUP).expire(f"c-{lane}")
        else:
            scene.versions.away = not scene.versions.away
    scene.versions.away = False
    scene.delivery.fail_at = lambda _: None
    turn(list(workers.values()), 60)
    assert scene.count_results() == {(job_id, n): 1 for job_id, count in chunks.items() for n in range(count)}
    for result in scene.read_results():
        first = 3 * result.number
        assert result.predictions.tolist() == [2.0 * (first + i) for i in range(3)]
    view = scene.follow()
    for job_id, count in chunks.items():
        found = view.find(job_id)
        assert found is not None
        assert (found.status, found.rows_done) == (JobStatus.SUCCEEDED, 3 * count)
        assert [p.number for p in view.locate(job_id, 0, 3 * count)] == list(range(count))
