"""What a scraper sees of partitions while they move: exactly those of this process, of the stream and of jobs."""

import itertools

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scoreline.observability.metrics import Metrics
from scoreline.records import TopicPartition
from scoreline.stream.lag import LagObserver
from tests.contracts.conftest import MEMORY_PROTOCOLS
from tests.contracts.worlds import poll_until

PARTITIONS = 4
REBALANCES = 10


class Watched:
    """A member of a group whose lags are shown, second by second."""

    def __init__(self, world, topic, group, listener, seconds):
        self.source = world.open_source(topic, group)
        self.source.add_listener(listener)
        self._lag = LagObserver(self.source, listener.set_lag, seconds, seconds)

    def turn(self):
        self._lag.turned()


def shown(metrics):
    """Every partition that any series names."""
    families = text_string_to_metric_families(metrics.render("")[0].decode())
    return {
        TopicPartition(sample.labels["topic"], int(sample.labels["partition"]))
        for family in families
        for sample in family.samples
        if "partition" in sample.labels
    }


@pytest.mark.parametrize(
    "world", [*MEMORY_PROTOCOLS, pytest.param("kafka-classic", marks=pytest.mark.kafka)], indirect=True
)
def test_ten_rebalances_leave_no_series_of_a_partition_that_has_gone(world, group):
    """Another member of both groups comes and goes; what it takes is not shown here while it has it."""
    metrics, seconds = Metrics(), map(float, itertools.count())
    stream, lane = (world.make_topic(partitions=PARTITIONS) for _ in range(2))
    groups = {stream: group, lane: f"{group}-jobs"}
    ours = [
        Watched(world, topic, groups[topic], listener, seconds.__next__)
        for topic, listener in ((stream, metrics), (lane, metrics.jobs))
    ]
    sources = [each.source for each in ours]
    for topic, partition in itertools.product(groups, range(PARTITIONS)):
        world.append(topic, [b"1", b"2"], partition=partition)

    def settle_at(count, *others):
        members = [*sources, *others]
        poll_until(
            members,
            lambda _: (
                all(len(source.assignment()) == count for source in members)
                and all(source.lags().keys() == source.assignment() for source in sources)
            ),
        )
        for each in ours:
            each.turn()

    for _ in range(REBALANCES // 2):
        others = [world.open_source(topic, name, member="b") for topic, name in groups.items()]
        settle_at(PARTITIONS // 2, *others)
        assert shown(metrics) == sources[0].assignment() | sources[1].assignment()
        for other in others:
            other.close()
        settle_at(PARTITIONS)
        assert shown(metrics) == {TopicPartition(t, p) for t in groups for p in range(PARTITIONS)}
    for source in sources:
        source.close()
    assert shown(metrics) == set()
