"""Accepts connections that begin with a handshake, and bounds how many are in one.

asyncio's own server knows of a connection when its handshake is done: until then nothing could be given up for others,
and callers that never finish theirs would take all descriptors.
"""

import asyncio
import contextlib
import socket
import ssl
from functools import partial

from aiohttp import web

from scoreline.http.tls import HANDSHAKE_SECONDS, SHUTDOWN_SECONDS

_RETRY_SECONDS = 0.05


class TlsListener:
    """Serves TLS on one address, on the running event loop.

    Args:
        most_handshakes: at once; where there are more, the oldest is given up.
    """

    def __init__(self, connections: web.Server, context: ssl.SSLContext, *, most_handshakes: int) -> None:
        self._connections = connections
        self._context = context
        self._most_handshakes = most_handshakes
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._listening: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []

    @property
    def handshakes(self) -> int:
        """Connections whose handshake has not ended."""
        return len(self._handshakes)

    async def start(self, host: str, port: int, backlog: int) -> int:
        """Listen on every address that a host name means.

        Returns:
            The port.

        Raises:
            OSError: an address is taken, or not of this machine.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                listening = socket.socket(family, kind, protocol)
                self._listening.append(listening)
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listening.bind(address)
                listening.listen(backlog)
                listening.setblocking(False)  # noqa: FBT003 - the library's own argument
        except OSError:
            self.close()
            raise
        self._accepting = [asyncio.create_task(self._accept(listening)) for listening in self._listening]
        return int(self._listening[0].getsockname()[1])

    def close(self) -> None:
        """Listen no more, and give up handshakes; what is connected stays."""
        for task in (*self._accepting, *self._handshakes):
            task.cancel()
        for listening in self._listening:
            listening.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError:
                # Out of descriptors, or the caller has gone again; nothing tells when there is one.
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            task = asyncio.create_task(self._shake_hands(accepted))
            self._handshakes[task] = None
            task.add_done_callback(partial(self._end, accepted))
            if len(self._handshakes) > self._most_handshakes:
                oldest = next(iter(self._handshakes))
                del self._handshakes[oldest]
                oldest.cancel()

    def _end(self, accepted: socket.socket, handshake: asyncio.Task[None]) -> None:
        self._handshakes.pop(handshake, None)
        if handshake.cancelled():
            accepted.close()  # where it was given up before it began, nobody else would

    async def _shake_hands(self, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connections,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
        except asyncio.CancelledError:
            # Else the loop would wait for the caller's part in the end of what has not begun.
            with contextlib.suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)
            raise
        except OSError:
            accepted.close()  # no TLS, an old one, or too slow: the caller has learned of it by TLS's own alerts
