"""A TCP proxy that breaks what goes through it on command: slow, narrow, silent, reset, refused.

It runs an event loop in a thread of its own, so that a blocking client and the proxy never wait for each other.
"""

import asyncio
import contextlib
import secrets
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from scoreline.local.network import free_ports
from scoreline.local.properties import HOST

CHUNK_BYTES = 16 * 1024
CHUNKS_IN_FLIGHT = 256
COMMAND_SECONDS = 10.0
SLICE_SECONDS = 0.05  # a narrow line passes on what it may in so long, at a time
CHANCE = secrets.SystemRandom()  # not `random`, which tests seed alike in every process
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What has gone through so far.

    Attributes:
        connections: accepted, over all time.
        to_upstream_bytes, to_client_bytes: forwarded, by direction.
    """

    connections: int
    to_upstream_bytes: int
    to_client_bytes: int


@dataclass(frozen=True, slots=True)
class Condition:
    """How the line is at the moment; `ended` is set when it changes, and wakes up whoever waits because of it.

    A connection is silent when its luck, from 0 to 1, is under `silent_under`.
    """

    latency_seconds: float = 0.0
    bytes_per_second: float | None = None
    silent_under: float = 0.0
    resetting: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, seconds: float | None) -> None:
        """Wait for so long, or without end, or until the condition changes."""
        # Not `wait_for`: in Python 3.11 it swallows a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ended.wait()


class FaultProxy:
    """Forwards connections to one upstream until it is told otherwise; every fault holds until the next command.

    Args:
        upstream_host, upstream_port: where to.
        port: to listen on, on loopback; None for a free one.
    """

    def __init__(self, upstream_host: str, upstream_port: int, *, port: int | None = None) -> None:
        self.port = port or free_ports(1)[0]
        self._upstream = (upstream_host, upstream_port)
        self._condition = Condition()
        self._connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._accepted = 0
        self._forwarded = {"to_upstream": 0, "to_client": 0}
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"fault-proxy-{self.port}", daemon=True)
        self._thread.start()
        self._run(self._listen())

    @property
    def address(self) -> str:
        """Where clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def traffic(self) -> Traffic:
        """A snapshot of the counters."""
        return Traffic(self._accepted, self._forwarded["to_upstream"], self._forwarded["to_client"])

    def heal(self) -> None:
        """Forward everything at once again, what was held back first."""
        self._run(self._change(Condition()))

    def delay(self, latency_seconds: float) -> None:
        """Let everything arrive that much later, each way; nothing gets narrower by it."""
        self._run(self._change(Condition(latency_seconds=latency_seconds)))

    def limit(self, bytes_per_second: float) -> None:
        """Let no more than that through, each way of each connection."""
        self._run(self._change(Condition(bytes_per_second=bytes_per_second)))

    def black_hole(self, share: float = 1.0) -> None:
        """Accept connections and data and forward nothing, not even that somebody hung up.

        Args:
            share: of the connections, chosen by chance when they are made; the others are healthy.
        """
        self._run(self._change(Condition(silent_under=share)))

    def reset(self) -> None:
        """Break every connection with a RST, and every new one as soon as it is there."""
        self._run(self._change(Condition(resetting=True), hang_up=True))

    def refuse(self) -> None:
        """Stop listening, and hang up what is there."""
        self._run(self._refuse())

    def close(self) -> None:
        """Hang up and end the thread."""
        if self._loop.is_closed():
            return
        self._run(self._refuse())
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, command: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(command, self._loop).result(COMMAND_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port, limit=CHUNK_BYTES)

    async def _change(self, condition: Condition, *, hang_up: bool = False) -> None:
        previous, self._condition = self._condition, condition
        previous.ended.set()
        if self._server is None:
            await self._listen()
        if hang_up:
            await self._hang_up()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._condition.ended.set()
        self._condition = Condition()
        await self._hang_up()

    async def _hang_up(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            for writer in self._connections[task]:
                break_off(writer)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        if self._condition.resetting:
            break_off(writer)
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._connections[task] = [writer]
        # Only `_hang_up` cancels, and it has told both sides; the streams of Python 3.11 would report it as a failure.
        with contextlib.suppress(asyncio.CancelledError):
            await self._serve(reader, self._connections[task])
        del self._connections[task]

    async def _serve(self, reader: asyncio.StreamReader, writers: list[asyncio.StreamWriter]) -> None:
        (writer,) = writers
        try:
            upstream_reader, upstream = await asyncio.open_connection(*self._upstream, limit=CHUNK_BYTES)
            writers.append(upstream)
            luck = CHANCE.random()
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(self._forward(reader, upstream, "to_upstream", luck))
                both_ways.create_task(self._forward(upstream_reader, writer, "to_client", luck))
        except* OSError:  # one side broke off, or upstream is not there: that is passed on to the other
            for each in writers:
                break_off(each)
        finally:
            for each in writers:
                each.close()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str, luck: float
    ) -> None:
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_IN_FLIGHT)

        async def deliver() -> None:
            data = b"first"
            while data:
                arrived, data = await on_the_way.get()
                await self._pass_on(writer, direction, luck, arrived, data)

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            data = b"first"
            while data:
                data = await reader.read(CHUNK_BYTES)
                await on_the_way.put((self._loop.time(), data))

    async def _pass_on(
        self, writer: asyncio.StreamWriter, direction: str, luck: float, arrived: float, data: bytes
    ) -> None:
        if not data:
            await self._due(arrived, luck)
            writer.write_eof()
        while data:
            condition = await self._due(arrived, luck)
            rate = condition.bytes_per_second
            piece = data if rate is None else data[: max(1, int(rate * SLICE_SECONDS))]
            self._forwarded[direction] += len(piece)
            writer.write(piece)
            await writer.drain()
            data = data[len(piece) :]
            if rate is not None:
                await condition.hold(len(piece) / rate)

    async def _due(self, arrived: float, luck: float) -> Condition:
        """Wait until what arrived then may go on; returns the condition under which it does."""
        while True:
            condition = self._condition
            early = arrived + condition.latency_seconds - self._loop.time()
            if luck < condition.silent_under:
                await condition.hold(None)
            elif early > 0:
                await condition.hold(early)
            else:
                return condition


def break_off(writer: asyncio.StreamWriter) -> None:
    """Close with a RST and without sending what is buffered."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
