"""What a thread has promised, waited for on the event loop."""

import asyncio
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def wait_for(future: "Future[T]") -> T:
    """What a future gives, or raises. Whoever stops to wait leaves it as it is: what it stands for goes on.

    `asyncio.wrap_future` would cancel it, and complain of every failure that nobody waits for any more.
    """
    if not future.done():
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        future.add_done_callback(lambda _: _wake(loop, woken))
        await woken.wait()
    return future.result()


def _wake(loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(woken.set)
