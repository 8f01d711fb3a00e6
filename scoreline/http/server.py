"""The sidecar on a socket: listens, and stops without failing whoever is being answered."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError

from scoreline.errors import ConfigError, MalformedRequest, Refused
from scoreline.http.app import Sidecar
from scoreline.http.media_types import refuse_encoding
from scoreline.observability.health import ComponentHealth

logger = logging.getLogger("scoreline.http")

KEEP_ALIVE_SECONDS = 75.0
"""For a connection without a request on it, and for the headers of one to arrive."""

LINGER_SECONDS = 1.0
"""How long the rest of a refused body is read and dropped, so that the caller sees its answer instead of a reset."""

_BACKLOG = 1024
_FIRST_SERVER_STATUS = 500


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int
    tls_certificate: Path | None = None
    tls_key: Path | None = None


class HttpServer:
    """Serves a sidecar on one address, on the running event loop, uvloop's or asyncio's."""

    def __init__(self, sidecar: Sidecar, address: Address) -> None:
        self._sidecar = sidecar
        self._address = address
        self._listener: asyncio.Server | None = None
        self._connections: _Connections | None = None
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
        context = _load_tls(address)
        self._connections = _Connections(self._sidecar)
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                self._connections, address.host, address.port, ssl=context, backlog=_BACKLOG
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


class _Connections(web.Server):
    """Makes a protocol for each connection; cancels what is done for callers that have gone."""

    def __init__(self, sidecar: Sidecar) -> None:
        super().__init__(sidecar.answer, handler_cancellation=True)
        self._sidecar = sidecar

    def __call__(self) -> web.RequestHandler:
        return _Connection(self._sidecar, self)


class _Connection(web.RequestHandler):
    """aiohttp's protocol with our limits, and with our answer to what is no HTTP."""

    __slots__ = ("_sidecar",)

    def __init__(self, sidecar: Sidecar, connections: _Connections) -> None:
        super().__init__(
            connections,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to say that it should write none
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,  # see scoreline.http.inflating
        )
        self._sidecar = sidecar

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's signature
        """Resume what was paused; aiohttp asks for it after every read, and then parses nothing once more."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def log_exception(self, *args: Any, **details: Any) -> None:
        """Log what broke; not that a body did, which was answered already and ends the connection."""
        if not isinstance(details.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **details)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed; aiohttp would write a stack trace to the log for each."""
        if exc is None or status >= _FIRST_SERVER_STATUS:
            return super().handle_error(request, status, exc, message)
        if isinstance(exc, ContentEncodingError):
            return self._sidecar.refuse_unread(refuse_encoding())
        return self._sidecar.refuse_unread(MalformedRequest("this is not an HTTP request"))


def _load_tls(address: Address) -> Any:
    if address.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(address.tls_certificate, address.tls_key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(f"the certificate {address.tls_certificate} or its key cannot be used: {reason}") from error
    return context
