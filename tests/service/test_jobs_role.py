"""The jobs role with clients of a test: what is opened is closed, and what does not end is told of."""

import threading
import time
from types import SimpleNamespace

import pytest

from scoreline.config.environment import Variable
from scoreline.config.settings import load_settings
from scoreline.errors import FatalClientError, StopOverdue
from scoreline.kafka.jobs.encoding import JobTopicNames
from scoreline.observability.client_log import ClientLog
from scoreline.observability.health import HealthBoard
from scoreline.observability.metrics import Metrics
from scoreline.service import jobs_role
from scoreline.service.jobs_role import JobsRole
from scoreline.service.stopping import Stop

NAMES = JobTopicNames("jobs", "bulk", "results", "events", "letters")


class Lane:
    """Closes; a poll asks the test what to do."""

    def __init__(self, topic, properties, poll):
        self.topic = topic
        self.properties = properties
        self.closed = 0
        self._poll = poll

    def poll(self, *_):
        return self._poll()

    def add_listener(self, listener):
        pass

    def lags(self):
        return {}

    def close(self):
        self.closed += 1


class Reached:
    """A cluster that has answered."""

    def __init__(self, *_, **__):
        pass

    def reach(self, stop, turned):
        return dict.fromkeys(NAMES.every, 3)

    def check(self):
        raise NotImplementedError

    def count_partitions(self, topic):
        return 3


class Scene:
    def __init__(self, monkeypatch, **variables):
        asked = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", **variables}
        settings = load_settings(variables=[Variable(f"SCORELINE_{n}", v, "test") for n, v in asked.items()])
        self.lanes = []
        self.closed_deliveries = 0
        self.lane_error = self.delivery_error = None
        self.poll = list
        self.stop = Stop(0.2, time.monotonic)
        self.metrics = Metrics()
        monkeypatch.setattr(jobs_role, "KafkaContact", Reached)
        monkeypatch.setattr(jobs_role, "open_source", self._open_lane)
        monkeypatch.setattr(jobs_role, "open_chunk_delivery", self._open_delivery)
        monkeypatch.setattr(jobs_role, "keep_collector_away", lambda: None)
        parts = SimpleNamespace(
            settings=settings,
            model_name="model",
            metrics=self.metrics,
            client_log=ClientLog(),
            health=HealthBoard(),
            versions=None,
            stats=None,
            traces=None,
            drift=SimpleNamespace(monitor=None),
        )
        shared = SimpleNamespace(
            names=NAMES,
            encoding=SimpleNamespace(look=lambda: None),
            make_decoder=lambda: None,
            view=SimpleNamespace(is_unwanted=None),
        )
        self.role = JobsRole(parts, self.stop, shared)

    def close(self):
        self.closed_deliveries += 1

    def _open_lane(self, properties, topics, **_):
        if len(self.lanes) == 1 and self.lane_error is not None:
            raise self.lane_error
        self.lanes.append(Lane(*topics, properties, self._poll_lane))
        return self.lanes[-1]

    def _poll_lane(self):
        return self.poll()

    def _open_delivery(self, *_, **__):
        if self.delivery_error is not None:
            raise self.delivery_error
        return self


def test_a_lane_is_closed_where_the_other_cannot_be_opened(monkeypatch):
    scene = Scene(monkeypatch)
    scene.lane_error = FatalClientError("no second client")
    with pytest.raises(FatalClientError):
        scene.role.run()
    assert [lane.closed for lane in scene.lanes] == [1]


@pytest.mark.parametrize("error", [FatalClientError("no producer"), StopOverdue("a stop came first")])
def test_both_lanes_are_closed_where_there_is_no_delivery(monkeypatch, error):
    scene = Scene(monkeypatch)
    scene.delivery_error = error
    if isinstance(error, StopOverdue):
        scene.role.run()
    else:
        with pytest.raises(type(error)):
            scene.role.run()
    assert [lane.closed for lane in scene.lanes] == [1, 1]


def test_everything_is_closed_where_a_worker_cannot_go_on(monkeypatch):
    scene = Scene(monkeypatch)

    def fail():
        raise FatalClientError("the consumer cannot go on")

    scene.poll = fail
    with pytest.raises(FatalClientError):
        scene.role.run()
    assert [lane.closed for lane in scene.lanes] == [1, 1]
    assert scene.closed_deliveries == 1


def test_a_worker_that_does_not_end_in_time_is_told_of(monkeypatch):
    """It hangs in a call of its client, say; without a word the process would end as if all were well."""
    scene = Scene(monkeypatch, WORKERS="2")
    released = threading.Event()
    polls = iter(range(100_000))

    def hang_once():
        if next(polls) == 0:
            scene.stop.request()
            released.wait(5.0)
        return []

    scene.poll = hang_once
    try:
        with pytest.raises(StopOverdue, match=r"job-worker-\d did not end"):
            scene.role.run()
    finally:
        released.set()


def test_lanes_begin_at_the_start_and_wait_for_nothing_whatever_the_stream_is_told_to(monkeypatch):
    """Chunks that are passed over would leave their jobs without an end."""
    scene = Scene(
        monkeypatch,
        CONSUMER_AUTO_OFFSET_RESET="latest",
        CONSUMER_FETCH_MIN_BYTES="1000000",
        CONSUMER_FETCH_WAIT_MAX_MS="30000",
        CONSUMER_FETCH_MAX_BYTES="1000000",
    )
    scene.delivery_error = StopOverdue("a stop came first")
    scene.role.run()
    assert [lane.topic for lane in scene.lanes] == ["jobs", "bulk"]
    for lane in scene.lanes:
        assert lane.properties["auto.offset.reset"] == "earliest"
        assert (lane.properties["fetch.min.bytes"], lane.properties["fetch.wait.max.ms"]) == (1, 100)
        assert lane.properties["fetch.max.bytes"] == "1000000"
