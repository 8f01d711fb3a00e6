import threading

import pytest

from scoreline.jobs.chunk import MOST_CHUNKS
from scoreline.jobs.job import JobStatus
from scoreline.jobs.places import ChunkPlaces
from scoreline.jobs.unsubmitted import UPLOAD_MS, UnsubmittedUploads
from scoreline.jobs.view import JobView
from tests.jobs.builders import JOB, OTHER, cancelled, chunk_done, chunk_failed, submitted

DAY = 24 * 3600.0


class Scene:
    """A view, and its time, which begins a day after 1970."""

    def __init__(self):
        self.now = DAY
        self.view = JobView(lambda: self.now, results_retention_seconds=7 * DAY)

    def apply(self, *events, partition=0):
        for event in events:
            self.view.apply(event, partition)

    def at_ms(self):
        return int(self.now * 1000)


def name(n):
    return f"{n:08x}-0000-4000-8000-000000000000"


def test_a_job_is_found_with_what_its_first_submission_was():
    scene = Scene()
    scene.apply(submitted(JOB, OTHER, at_ms=scene.at_ms()), submitted(at_ms=scene.at_ms()))
    found = scene.view.find(JOB)
    assert found is not None
    assert (found.submission, found.digest, found.status) == (OTHER, b"d" * 32, JobStatus.QUEUED)
    assert scene.view.find(OTHER) is None


def test_a_job_is_known_by_the_partition_that_its_first_submission_lies_in():
    scene = Scene()
    scene.apply(submitted(JOB, OTHER, at_ms=scene.at_ms()), partition=5)
    scene.apply(submitted(at_ms=scene.at_ms()), cancelled(JOB, OTHER), partition=7)
    assert scene.view.find(JOB).events_partition == 5


def test_what_an_event_makes_of_its_job_is_told():
    scene = Scene()
    at_ms = scene.at_ms()
    turns = [
        scene.view.apply(event, 0)
        for event in (
            chunk_done(0, at_ms=at_ms),
            submitted(at_ms=at_ms),
            chunk_done(1, at_ms=at_ms),
            cancelled(at_ms=at_ms),
            cancelled(OTHER, at_ms=0),
        )
    ]
    running, succeeded = JobStatus.RUNNING, JobStatus.SUCCEEDED
    assert turns == [(None, None), (None, running), (running, succeeded), (succeeded, succeeded), (None, None)]


def test_where_nobody_asks_for_results_only_jobs_that_go_on_keep_their_places():
    now_ms = int(DAY * 1000)
    view = JobView(lambda: DAY, results_retention_seconds=7 * DAY, keeps_places=False)
    for event in (submitted(at_ms=now_ms), chunk_done(0, at_ms=now_ms)):
        view.apply(event, 0)
    assert len(view.locate(JOB, 0, 20)) == 1
    for event in (chunk_done(1, at_ms=now_ms), chunk_done(1, at_ms=now_ms), cancelled(at_ms=now_ms)):
        view.apply(event, 0)
    assert list(view.locate(JOB, 0, 20)) == []
    job = view.find(JOB)
    assert (job.status, job.chunks_done, job.rows_done, job.rows_failed) == (JobStatus.SUCCEEDED, 2, 20, 2)


def test_places_that_were_located_stay_as_they_were():
    places = ChunkPlaces()
    for number in range(3):
        places.add(chunk_done(number).place)
    found = places.locate(0, 30)
    for number in range(3):
        places.add(chunk_done(number, offset=99).place)
    assert [place.offset for place in found] == [0, 1, 2]


def test_places_of_rows_are_those_of_the_chunks_that_hold_them():
    scene = Scene()
    scene.apply(submitted(chunks=4, rows=40), chunk_done(2), chunk_done(0), chunk_done(1))
    assert [p.number for p in scene.view.locate(JOB, 5, 10)] == [0, 1]
    assert [p.number for p in scene.view.locate(JOB, 19, 100)] == [1, 2]
    assert list(scene.view.locate(OTHER, 0, 10)) == []


def test_recent_jobs_come_newest_first_whatever_partition_they_lie_in():
    scene = Scene()
    for n in (3, 1, 2):
        scene.apply(submitted(name(n), at_ms=scene.at_ms() + n), partition=n)
    scene.now += 1
    assert [job.job_id for job in scene.view.list_recent(2)] == [name(3), name(2)]
    assert scene.view.list_recent(0) == []
    assert len(scene.view.list_recent(9)) == 3


def test_jobs_are_counted_by_their_status():
    scene = Scene()
    scene.apply(
        submitted(name(1)),
        submitted(name(2)),
        chunk_done(0, name(2)),
        chunk_done(0, name(3)),
        submitted(name(3), chunks=1, rows=10),
        submitted(name(4)),
        cancelled(name(4)),
        chunk_failed(0, name(5)),
        submitted(name(5)),
        chunk_done(0, name(6)),
    )
    assert scene.view.count_by_status() == dict.fromkeys(JobStatus, 1)


def test_chunks_of_losers_and_of_jobs_that_were_stopped_are_unwanted():
    scene = Scene()
    scene.apply(submitted(JOB, OTHER), submitted(name(2)), cancelled(name(2)), submitted(name(3)))
    assert scene.view.is_unwanted(JOB, JOB)
    assert not scene.view.is_unwanted(JOB, OTHER)
    assert scene.view.is_unwanted(name(2), name(2))
    assert not scene.view.is_unwanted(name(3), name(3))
    assert not scene.view.is_unwanted(name(9), name(9))


def test_a_job_is_known_for_longer_than_its_results():
    scene = Scene()
    scene.apply(submitted(at_ms=scene.at_ms()))
    scene.now += 8 * DAY
    found = scene.view.find(JOB)
    assert found is not None
    assert scene.view.is_past_retention(found)
    scene.now += 7 * DAY
    assert scene.view.find(JOB) is None


def test_what_the_topic_has_forgotten_is_forgotten_here():
    scene = Scene()
    scene.apply(submitted(at_ms=scene.at_ms()), chunk_done(0))
    scene.now += 15 * DAY
    scene.apply(submitted(OTHER, at_ms=scene.at_ms()))
    assert scene.view.count_by_status()[JobStatus.QUEUED] == 1
    assert [job.job_id for job in scene.view.list_recent(10)] == [OTHER]
    assert list(scene.view.locate(JOB, 0, 100)) == []


def test_events_that_only_lie_there_still_are_not_taken_for_news():
    """Retention deletes whole segments, some of which are kept for longer than others."""
    scene = Scene()
    scene.now += 100 * DAY
    scene.apply(submitted(at_ms=1000), chunk_done(0))
    assert scene.view.find(JOB) is None
    assert scene.view.list_recent(10) == []


def test_a_submission_from_the_future_is_forgotten_one_day_all_the_same():
    scene = Scene()
    scene.apply(submitted(at_ms=2**52))
    scene.now += 15 * DAY
    assert scene.view.list_recent(10) == []


def test_a_log_that_is_read_late_is_read_as_it_was():
    """By the clock of whoever reads it now, every chunk is far older than an upload may last."""
    scene = Scene()
    events = [chunk_done(0, at_ms=scene.at_ms()), chunk_done(1, at_ms=scene.at_ms()), submitted(at_ms=scene.at_ms())]
    scene.now += 10 * DAY
    scene.apply(chunk_done(0, OTHER, at_ms=scene.at_ms()), partition=1)
    scene.apply(*events, partition=0)
    found = scene.view.find(JOB)
    assert found is not None
    assert found.status is JobStatus.SUCCEEDED


def test_an_upload_that_was_never_submitted_is_forgotten():
    scene = Scene()
    scene.apply(chunk_done(0, at_ms=scene.at_ms()), chunk_failed(1, at_ms=scene.at_ms()))
    assert scene.view.is_unwanted(JOB, JOB)
    scene.now += 2 * UPLOAD_MS / 1000
    scene.apply(chunk_done(0, OTHER, at_ms=scene.at_ms()))
    assert not scene.view.is_unwanted(JOB, JOB)


@pytest.mark.slow
def test_uploads_that_are_never_submitted_take_bounded_memory():
    """The one that was heard of last stays, however many chunks it has."""
    scene = Scene()
    for n in range(50_000):
        scene.apply(chunk_failed(0, name(n), at_ms=scene.at_ms()))
    kept = sum(scene.view.is_unwanted(name(n), name(n)) for n in range(50_000))
    assert 1000 < kept < 40_000
    assert scene.view.is_unwanted(name(49_999), name(49_999))


def test_the_oldest_uploads_go_first_and_the_last_one_never():
    uploads = UnsubmittedUploads(most_chunks=100)
    assert uploads.note("a", "a", 40, 1.0) == []
    assert uploads.note("b", "b", 10, 2.0) == []
    assert uploads.note("a", "a", 41, 3.0) == []
    assert uploads.note("c", "c", 30, 4.0) == [("b", "b"), ("a", "a")]
    assert uploads.note("c", "c", MOST_CHUNKS, 5.0) == []


def test_uploads_of_a_job_that_was_submitted_are_no_longer_counted():
    uploads = UnsubmittedUploads(most_chunks=100)
    uploads.note("a", "x", 30, 1.0)
    uploads.note("a", "y", 10, 1.0)
    uploads.remove("a")
    assert uploads.note("b", "b", 60, 1.0) == []
    assert uploads.note("c", "c", 1, 1.0) == []


def test_one_thread_applies_while_others_ask():
    scene = Scene()
    done = threading.Event()
    failures = []

    def ask():
        while not done.is_set():
            try:
                found = scene.view.find(JOB)
                places = scene.view.locate(JOB, 0, 10_000)
                scene.view.list_recent(5)
                if found is not None and found.chunks_done > 0:
                    assert found.rows_done == 10 * found.chunks_done
                assert [p.number for p in places] == sorted({p.number for p in places})
            except BaseException as error:  # noqa: BLE001 - told below, where it fails the test
                failures.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    scene.apply(submitted(chunks=1000, rows=10_000))
    for n in range(0, 1000, 2):
        scene.apply(chunk_done(n))
    for n in range(1, 1000, 2):
        scene.apply(chunk_done(n))
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    found = scene.view.find(JOB)
    assert found is not None
    assert found.status is JobStatus.SUCCEEDED
