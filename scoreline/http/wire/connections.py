"""All connections of the sidecar: how many there may be, and who makes room for whom."""

import asyncio
import heapq
import logging

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from scoreline.http.app import Sidecar
from scoreline.http.wire.at_once import find_missing
from scoreline.http.wire.connection import Connection
from scoreline.http.wire.framing import may_end_elsewhere

logger = logging.getLogger("scoreline.http")

_IDLE_SHARE = 0.25
_SHARE_THAT_GOES = 100


class Connections(web.Server):
    """Makes a protocol for each connection; cancels what is done for callers that have gone.

    When there are too many, those that have waited longest for their callers make room: those without a request on
    them, or, where these are less than a quarter, those whose caller dawdles over a body or an answer. So no caller
    waits for a place, whoever asks for health or metrics is answered, and a flood of callers that ask for nothing ends
    no upload. A request that is being worked on is never given up.

    Args:
        most: connections at once.
    """

    def __init__(self, sidecar: Sidecar, most: int) -> None:
        super().__init__(sidecar.answer, handler_cancellation=True)
        self._sidecar = sidecar
        self._most = most
        missing = find_missing()
        self._answering = None if missing else sidecar
        if missing:
            logger.warning(
                "requests are answered more slowly than they could be: this aiohttp lacks %s",
                ", ".join(missing),
                extra={"event": "short_way_closed", "missing": missing},
            )

    def __call__(self) -> RequestHandler:
        """A protocol for one more connection; asyncio calls it."""
        return Connection(self._sidecar, self, self._answering)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take on a connection, and give up others where there are too many."""
        super().connection_made(handler, transport)
        if len(self._connections) > self._most:
            self._make_room()

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        """A request; the connection ends with one whose end others may see elsewhere."""
        if may_end_elsewhere(message):
            message = message._replace(should_close=True)
        return super()._make_request(message, payload, protocol, writer, task)

    def _make_room(self) -> None:
        """Several at once, so that a flood does not have all of them looked at for each."""
        open_now = [c for c in self._connections if isinstance(c, Connection) and c.is_open]
        too_many = len(open_now) - self._most
        if too_many <= 0:
            return
        waiting = [c for c in open_now if c.waits_for_caller]
        idle_go_first = sum(c.is_idle for c in waiting) > self._most * _IDLE_SHARE
        count = too_many + self._most // _SHARE_THAT_GOES
        for connection in heapq.nsmallest(count, waiting, key=lambda c: (c.is_idle != idle_go_first, c.waits_since)):
            connection.give_up()
