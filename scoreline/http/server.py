"""The sidecar on a socket: listens, and stops without failing whoever is being answered."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from scoreline.errors import Refused
from scoreline.http.app import Sidecar
from scoreline.http.connections import Connections
from scoreline.http.tls import CertificateFiles, RenewedCertificate
from scoreline.http.tls_listener import TlsListener
from scoreline.observability.health import ComponentHealth

logger = logging.getLogger("scoreline.http")

MOST_CONNECTIONS = 1024
"""Each takes some 25 KiB, and what it has sent of a head."""

SHARE_IN_HANDSHAKE = 0.25
"""So many more may be in their handshake."""

_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int
    tls_certificate: Path | None = None
    tls_key: Path | None = None


class HttpServer:
    """Serves a sidecar on one address, on the running event loop, uvloop's or asyncio's."""

    def __init__(self, sidecar: Sidecar, address: Address, *, most_connections: int = MOST_CONNECTIONS) -> None:
        self._sidecar = sidecar
        self._most_connections = most_connections
        self._address = address
        self._listener: asyncio.Server | TlsListener | None = None
        self._connections: Connections | None = None
        self._stopping = False
        self.port = address.port

    @property
    def url(self) -> str:
        """Where it can be reached from this machine, without a slash at the end."""
        scheme = "http" if self._address.tls_certificate is None else "https"
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self._address.host, self._address.host)  # noqa: S104 - not bound here
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            Refused: the address is taken, or not of this machine.
            ConfigError: the certificate cannot be used.
        """
        address = self._address
        self._connections = Connections(self._sidecar, self._most_connections)
        try:
            await self._listen(self._connections)
        except OSError as error:
            raise Refused(f"cannot listen on {address.host}:{address.port}: {error.strerror or error}") from error
        logger.info("listening on %s", self.url, extra={"event": "http_started", "url": self.url})

    async def _listen(self, connections: Connections) -> None:
        address = self._address
        if address.tls_certificate is None:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(connections, address.host, address.port, backlog=_BACKLOG)
            self.port = server.sockets[0].getsockname()[1]
            self._listener = server
            return
        certificate = RenewedCertificate(CertificateFiles(address.tls_certificate, address.tls_key))
        most = max(1, int(self._most_connections * SHARE_IN_HANDSHAKE))
        listener = TlsListener(connections, certificate.context, most_handshakes=most)
        self.port = await listener.start(address.host, address.port, _BACKLOG)
        self._listener = listener

    async def stop(self, timeout_seconds: float) -> None:
        """Turn unready, stop listening, finish what is being answered, and give up what does not end in time."""
        self._stopping = True
        self._sidecar.end_connections()
        if self._listener is None or self._connections is None:
            return
        self._listener.close()
        # Connections that were accepted already get to say what they want.
        await asyncio.sleep(0)
        self._connections.pre_shutdown()
        # aiohttp waits this long for handlers to end, and again for those that it has cancelled.
        await self._connections.shutdown(timeout_seconds / 2)
        self._sidecar.close()
        self._listener = None
        logger.info("stopped listening", extra={"event": "http_stopped"})

    def check(self) -> ComponentHealth:
        """The component `http`."""
        if self._stopping:
            return ComponentHealth("http", "http", ready=False, alive=True, detail="stopping")
        if self._listener is None:
            return ComponentHealth("http", "http", ready=False, alive=True, detail="not listening yet")
        return ComponentHealth("http", "http", ready=True, alive=True, detail=f"listening on port {self.port}")
