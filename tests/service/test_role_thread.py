"""How roles end, and what the process says of it."""

import asyncio
import threading
import time

import pytest

from scoreline.errors import FatalClientError, StopOverdue
from scoreline.service.role_thread import RoleThread, conclude
from scoreline.service.stopping import Stop


class Role:
    def __init__(self, run):
        self.run = run

    def look_at_kafka(self):
        pass


def end(*runs):
    """Start roles, wait for them as a stop does, and conclude."""

    async def live():
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        threads = [RoleThread(Role(run), f"role-{n}", loop=loop, asked=asked) for n, run in enumerate(runs)]
        for thread in threads:
            thread.start()
        await asked.wait()
        stop = Stop(0.2, time.monotonic)
        stop.request()
        for thread in threads:
            await thread.join(stop)
        return conclude(threads, 0.2)

    return asyncio.run(live())


def fail(error):
    raise error


def test_roles_that_have_ended_are_a_stop_that_went_well(caplog):
    caplog.set_level("INFO")
    assert end(lambda: None) == 0
    assert "service_stopped" in {getattr(r, "event", "") for r in caplog.records}


def test_what_ended_a_role_is_raised():
    with pytest.raises(FatalClientError):
        end(lambda: fail(FatalClientError("fenced")), lambda: None)


def test_a_role_that_left_something_running_has_not_ended_in_time(caplog):
    assert end(lambda: fail(StopOverdue("job-worker-1 did not end"))) == 1
    (told,) = [r for r in caplog.records if getattr(r, "event", "") == "stop_overdue"]
    assert "role-0 (job-worker-1 did not end) did not end within 0.2 s" in told.getMessage()


def test_what_ended_a_role_is_raised_also_where_another_is_stuck():
    released = threading.Event()
    try:
        with pytest.raises(FatalClientError):
            end(lambda: fail(FatalClientError("fenced")), lambda: released.wait(5.0))
    finally:
        released.set()
