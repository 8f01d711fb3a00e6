"""The sidecar on a socket: listens, and stops without failing whoever is being answered."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoreline.errors import Refused
from scoreline.http.app import Sidecar
from scoreline.http.connections import Connections
from scoreline.http.tls import HANDSHAKE_SECONDS, SHUTDOWN_SECONDS, CertificateFiles, RenewedCertificate
from scoreline.observability.health import ComponentHealth

logger = logging.getLogger("scoreline.http")

MOST_CONNECTIONS = 1024
"""Each takes some 25 KiB, and what it has sent of a head."""

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
        self._listener: asyncio.Server | None = None
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
            self._listener = await asyncio.get_running_loop().create_server(
                self._connections, address.host, address.port, backlog=_BACKLOG, **_find_tls(address)
            )
        except OSError as error:
            raise Refused(f"cannot listen on {address.host}:{address.port}: {error.strerror or error}") from error
        self.port = self._listener.sockets[0].getsockname()[1]
        logger.info("listening on %s", self.url, extra={"event": "http_started", "url": self.url})

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


def _find_tls(address: Address) -> dict[str, Any]:
    """What the event loop needs to be told of TLS, if there is any."""
    if address.tls_certificate is None:
        return {}
    renewed = RenewedCertificate(CertificateFiles(address.tls_certificate, address.tls_key))
    return {
        "ssl": renewed.context,
        "ssl_handshake_timeout": HANDSHAKE_SECONDS,
        "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
    }
