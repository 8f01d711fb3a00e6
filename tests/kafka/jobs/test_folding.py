"""Events of jobs that a feed has read."""

import logging

import pytest

from scoreline.errors import Unavailable
from scoreline.jobs.events import Cancelled
from scoreline.jobs.fields import Unreadable
from scoreline.jobs.job import JobStatus
from scoreline.jobs.view import JobView
from scoreline.kafka.jobs.folding import QUIET_SECONDS, EventFolding
from scoreline.records import TopicPartition
from tests.kafka.jobs.scenes import WEEK_SECONDS, make_order, make_submitted

PARTITION = TopicPartition("job-events", 2)


class Decoder:
    """A value is what it decodes to."""

    def decode_event(self, value):
        if isinstance(value, Exception):
            raise value
        return value


class Scene:
    def __init__(self):
        self.now, self.ended = 0.0, []
        self.view = JobView(lambda: 1000.0, results_retention_seconds=WEEK_SECONDS)
        self.folding = EventFolding(Decoder(), self.view, clock=lambda: self.now, tell_ended=self.ended.append)

    def take(self, *values, is_news=True):
        for value in values:
            self.folding.take(value, PARTITION, 7, is_news=is_news)


def submitted():
    return make_submitted(make_order(), 1, 1, at_ms=1_000_000)


def test_an_event_is_in_the_view_and_what_another_release_means_is_passed_over():
    scene, event = Scene(), submitted()
    scene.take(None, event)
    assert scene.view.find(event.job_id) is not None
    assert scene.folding.unreadable == 0


def test_only_news_is_logged(caplog):
    caplog.set_level(logging.INFO, "scoreline.jobs")
    scene = Scene()
    scene.take(submitted(), is_news=False)
    assert not caplog.records
    scene.take(submitted())
    assert [vars(record)["event"] for record in caplog.records] == ["job_submitted"]


def test_only_jobs_whose_end_is_news_are_told_of():
    scene, event = Scene(), submitted()
    cancelled = Cancelled(event.job_id, event.submission, 1_000_500)
    scene.take(event, cancelled, is_news=False)
    scene.take(cancelled)
    assert scene.ended == []
    scene = Scene()
    scene.take(event, is_news=False)
    scene.take(cancelled, cancelled)
    assert scene.ended == [JobStatus.CANCELLED]


def test_what_cannot_be_read_is_counted_told_now_and_then_and_keeps_nothing_up(caplog):
    scene, event = Scene(), submitted()
    scene.take(Unreadable("no frame"), Unreadable("no frame"), event, is_news=False)
    assert scene.view.find(event.job_id) is not None
    scene.now = QUIET_SECONDS
    scene.take(Unreadable("no datum"))
    assert scene.folding.unreadable == 3
    told = [(vars(r)["position"], vars(r)["unreadable"]) for r in caplog.records]
    assert told == [("job-events[2]@7", 1), ("job-events[2]@7", 3)]


def test_an_event_whose_schema_cannot_be_had_is_left_to_the_feed():
    scene = Scene()
    with pytest.raises(Unavailable):
        scene.take(Unavailable("the registry is away"))
    assert scene.folding.unreadable == 0
