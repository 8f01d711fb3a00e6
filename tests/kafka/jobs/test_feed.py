"""What a feed of events says of itself when its thread has ended; the rest of it is shown on a broker."""

import pytest

from scoreline.errors import Unavailable
from scoreline.jobs.view import JobView
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.jobs.feed import KafkaEventFeed
from tests.kafka.jobs.scenes import WEEK_SECONDS, await_that, is_ready


class EmptyTopics:
    """They have no events, until asking for them fails in a way that nobody has foreseen."""

    broken = False

    def find_ends(self, topic, tell):
        tell({})

    def count_partitions(self, topic):
        return 0

    def tick(self):
        if self.broken:
            raise RuntimeError("a defect")


class IdleConsumer:
    def close(self):
        pass


def test_a_feed_whose_thread_has_ended_is_neither_alive_nor_ready(caplog):
    topics = EmptyTopics()
    feed = KafkaEventFeed(
        IdleConsumer,
        topics,
        "job-events",
        None,
        JobView(lambda: 0.0, results_retention_seconds=WEEK_SECONDS),
        prepare=lambda: None,
        watch=ClientWatch(None, clock=lambda: 0.0),
        clock=lambda: 0.0,
        tell_ended=print,
    )
    feed.start()
    await_that(lambda: is_ready(feed))
    topics.broken = True
    await_that(lambda: not feed.is_alive)
    with pytest.raises(Unavailable, match="has ended"):
        feed.check_ready()
    assert "job_feed_crashed" in [vars(record)["event"] for record in caplog.records]
