"""The lag that a scraper sees."""

from scoreline.stream.lag import INTERVAL_SECONDS, LagObserver
from scoreline.transport.memory import MemoryBroker, MemorySource


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_every_second_the_distance_to_the_end_is_told():
    broker, clock, told = MemoryBroker(), Clock(), []
    broker.create_topic("features", 2)
    for partition in (0, 0, 0, 1):
        broker.append("features", b"x", partition=partition)
    source = MemorySource(broker, "group", ["features"])
    observer = LagObserver(source, lambda *lag: told.append(lag), clock)
    source.poll(1, 1000, 0.0)
    observer.turned()
    observer.turned()
    assert sorted(told) == [("features", 0, 2), ("features", 1, 1)]
    source.poll(10, 1000, 0.0)
    clock.now += INTERVAL_SECONDS
    observer.turned()
    assert sorted(told[2:]) == [("features", 0, 0), ("features", 1, 0)]
