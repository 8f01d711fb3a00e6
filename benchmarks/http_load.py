"""Keep-alive connections that ask a server: as fast as it answers, or at times that are fixed in advance.

The times of the open loop stand before it begins: a request that finds no free connection, or is sent late because
everything is busy, is as late as its answer.
"""

import asyncio
import gc
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import numpy.typing as npt
import uvloop

from benchmarks.http_work import END_OF_HEAD, Work

HOST = "127.0.0.1"
CLOSED_CONNECTIONS = 8
OPEN_CONNECTIONS = 64
ROUND_SECONDS = 60.0
LEAD_SECONDS = 0.1
_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """Sends one request at a time and hands over its whole answer.

    Args:
        answered: called with the connection, which is free again, and the answer.
    """

    def __init__(self, answered: Callable[["Connection", bytes], None], broken: asyncio.Future[None]) -> None:
        self._answered, self._broken = answered, broken
        self._buffer = bytearray()
        self.number = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._broken.done():
            self._broken.set_exception(exc or ConnectionError("the server hung up"))

    def ask(self, number: int, request: bytes) -> None:
        self.number = number
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(END_OF_HEAD)
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        length = int(head.split(_LENGTH, 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + len(END_OF_HEAD) + length:
            return
        answer = bytes(self._buffer)
        self._buffer.clear()
        self._answered(self, answer)


def saturate(work: Work, port: int, requests: int, connections: int = CLOSED_CONNECTIONS) -> float:
    """Ask so many times, each connection again as soon as it is answered; every answer is checked.

    Returns:
        Seconds that it took.
    """

    async def run() -> float:
        done = asyncio.get_running_loop().create_future()
        turns = iter(range(requests))
        left = requests

        def ask(connection: Connection) -> None:
            turn = next(turns, None)
            if turn is not None:
                number = turn % len(work.requests)
                connection.ask(number, work.requests[number])

        def answered(connection: Connection, answer: bytes) -> None:
            nonlocal left
            number = connection.number
            ask(connection)  # before the check, so that the server does not wait for it
            work.check(number, answer)
            left -= 1
            if not left and not done.done():
                done.set_result(None)

        opened = await _connect(port, connections, answered, done)
        began = time.perf_counter()
        for connection in opened:
            ask(connection)
        async with asyncio.timeout(ROUND_SECONDS):
            await done
        took = time.perf_counter() - began
        _close(opened)
        return took

    return uvloop.run(run())


def ask_at_rate(work: Work, port: int, per_second: float, seconds: float) -> npt.NDArray[np.float64]:
    """Ask at a steady rate; every answer is checked at the end.

    Returns:
        Seconds from the time at which a request was to be sent to its answer; shape (requests,), in order.
    """

    async def run() -> npt.NDArray[np.float64]:
        loop = asyncio.get_running_loop()
        count = int(per_second * seconds)
        done = loop.create_future()
        free: deque[Connection] = deque()
        waiting: deque[int] = deque()
        answers: list[tuple[int, bytes]] = []
        took = np.full(count, np.nan)
        asked: dict[Connection, int] = {}

        def ask(connection: Connection, turn: int) -> None:
            asked[connection] = turn
            connection.ask(turn % len(work.requests), work.requests[turn % len(work.requests)])

        def answered(connection: Connection, answer: bytes) -> None:
            turn = asked[connection]
            took[turn] = time.perf_counter() - due[turn]
            answers.append((connection.number, answer))
            if waiting:
                ask(connection, waiting.popleft())
            else:
                free.append(connection)
            if len(answers) == count and not done.done():
                done.set_result(None)

        opened = await _connect(port, OPEN_CONNECTIONS, answered, done)
        free.extend(opened)
        due: Sequence[float] = (time.perf_counter() + LEAD_SECONDS + np.arange(count) / per_second).tolist()
        async with asyncio.timeout(ROUND_SECONDS + seconds):
            for turn, at in enumerate(due):
                # The loop's timers count whole milliseconds: the last one is spent looking.
                while (ahead := at - time.perf_counter()) > 0:  # noqa: ASYNC110 - it is time that is waited for
                    await asyncio.sleep(ahead - 0.001 if ahead > 0.002 else 0)
                if free:
                    ask(free.pop(), turn)
                else:
                    waiting.append(turn)
            await done
        _close(opened)
        for number, answer in answers:
            work.check(number, answer)
        return took

    gc.collect()
    gc.disable()
    try:
        return uvloop.run(run())
    finally:
        gc.enable()


@contextmanager
def before_all_others() -> Iterator[None]:
    """This thread runs as soon as it has something to do, where that is allowed: as if it had a machine of its own."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("the load may not run before all others: what it waits for the processor counts as latency")
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


async def _connect(
    port: int, count: int, answered: Callable[[Connection, bytes], None], broken: asyncio.Future[None]
) -> list[Connection]:
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(lambda: Connection(answered, broken), HOST, port) for _ in range(count)]
    return [connection for _, connection in pairs]


def _close(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.transport.close()
