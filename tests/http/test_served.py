import asyncio

from scoreline.http.served import GROUP, Served, ServedRequests
from tests.http.sidecars import Recorder


def served(number: int) -> Served:
    return Served("/predict", "POST", 200, 0.001, f"r-{number}", 1, 1)


async def test_the_observer_is_told_in_order_when_a_group_is_full():
    recorder = Recorder()
    requests = ServedRequests(recorder)
    for i in range(GROUP + 1):
        requests.add(served(i))
    assert [e.request_id for e in recorder.events] == [f"r-{i}" for i in range(GROUP)]
    requests.close()
    assert len(recorder.events) == GROUP + 1


async def test_a_lone_request_does_not_wait_for_a_group():
    told = asyncio.Event()

    class Signal(Recorder):
        def request_served(self, event):
            super().request_served(event)
            told.set()

    recorder = Signal()
    ServedRequests(recorder).add(served(1))
    assert recorder.events == []
    await asyncio.wait_for(told.wait(), 2)
    assert [e.request_id for e in recorder.events] == ["r-1"]


async def test_nothing_is_told_twice():
    recorder = Recorder()
    requests = ServedRequests(recorder)
    requests.add(served(1))
    requests.deliver()
    requests.deliver()
    requests.close()
    assert len(recorder.events) == 1
