"""All connections of the sidecar: how many there may be, and who makes room for whom."""

import asyncio
import heapq

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from scoreline.http.app import Sidecar
from scoreline.http.connection import Connection

_SHARE_THAT_GOES = 100


class Connections(web.Server):
    """Makes a protocol for each connection; cancels what is done for callers that have gone.

    When there are too many, those that have waited longest for their callers make room: first those without a request
    on them, then those whose caller dawdles over a body or an answer. No caller waits for a place, so whoever asks for
    health or metrics is answered; a request that is being worked on is never given up.

    Args:
        most: connections at once.
    """

    def __init__(self, sidecar: Sidecar, most: int) -> None:
        super().__init__(sidecar.answer, handler_cancellation=True)
        self._sidecar = sidecar
        self._most = most

    def __call__(self) -> RequestHandler:
        """A protocol for one more connection; asyncio calls it."""
        return Connection(self._sidecar, self)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take on a connection, and give up others where there are too many."""
        super().connection_made(handler, transport)
        if len(self._connections) > self._most:
            self._make_room()

    def _make_room(self) -> None:
        """Several at once, so that a flood does not have all of them looked at for each."""
        open_now = [c for c in self._connections if isinstance(c, Connection) and c.transport is not None]
        too_many = len(open_now) - self._most
        if too_many <= 0:
            return
        waiting = (c for c in open_now if c.waits_for_caller)
        count = too_many + self._most // _SHARE_THAT_GOES
        for connection in heapq.nsmallest(count, waiting, key=lambda c: (not c.is_idle, c.waits_since)):
            connection.give_up()
