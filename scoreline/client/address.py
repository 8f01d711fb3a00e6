"""Where a sidecar is, and what a caller shows at its door."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from scoreline.client.errors import NotSent

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL, read.

    Attributes:
        host: without the brackets of an IPv6 address.
        prefix: path before the routes, without a slash at its end; empty for none.
    """

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read a base URL.

        Raises:
            NotSent: it is no HTTP address, or has more than scheme, host, port and path.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise NotSent(
                f"expected http://HOST:PORT or https://HOST:PORT, but the address is wrong: {error}"
            ) from error
        if parts.username is not None or parts.password is not None:
            raise NotSent("the address has a user in it, which a sidecar does not know: give a token instead")
        if parts.scheme not in _PORTS or not host or parts.query or parts.fragment or not url.isascii():
            raise NotSent(f"expected http://HOST:PORT or https://HOST:PORT, with a path at most, but it is {url!r}")
        if not all("!" <= character <= "~" for character in parts.path):
            raise NotSent(f"expected a path without blanks, but it is {parts.path!r}")
        return cls(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, parts.path.rstrip("/"))

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them, and the header Host; the port that goes without saying is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self.scheme}://{self.netloc}{self.prefix}"

    def make_tls(self, ca_file: str | Path | None) -> ssl.SSLContext | None:
        """What decides whom to trust; None for plain HTTP.

        Args:
            ca_file: authorities that are trusted instead of this machine's.

        Raises:
            NotSent: the file cannot be read, or TLS is not asked for.
        """
        if self.scheme == "http":
            if ca_file is not None:
                raise NotSent(f"a file of authorities is for https://, but the address is {self.url}")
            return None
        try:
            return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        except OSError as error:
            raise NotSent(f"{ca_file}: expected certificates of authorities as PEM: {error}") from error


class Credentials:
    """A bearer token, or the file that it is in; never shown.

    Args:
        token: as it is.
        token_file: read anew for every request, for whoever renews tokens renews the file.

    Raises:
        NotSent: both are given, or the token cannot be one.
    """

    def __init__(self, token: str | None, token_file: str | Path | None) -> None:
        if token is not None and token_file is not None:
            raise NotSent("expected a token or a file with a token, but both are given")
        self._token = None if token is None else _check_token(token, "the token")
        self._file = None if token_file is None else Path(token_file)

    def read_header(self) -> dict[str, bytes]:
        """The header that shows the token; none without one.

        Raises:
            NotSent: the file cannot be read, or holds no token.
        """
        token = self._token
        if self._file is not None:
            try:
                token = _check_token(self._file.read_text().strip(), str(self._file))
            except (OSError, ValueError) as error:
                raise NotSent(f"{self._file}: the token cannot be read: {type(error).__name__}") from error
        return {} if token is None else {"Authorization": b"Bearer " + token.encode()}


def _check_token(token: str, where: str) -> str:
    """A token that a header can carry; what is wrong with it is told without it."""
    if not token or not all("!" <= character <= "~" for character in token):
        raise NotSent(f"{where}: expected a token of visible ASCII characters, and something else is there")
    return token
