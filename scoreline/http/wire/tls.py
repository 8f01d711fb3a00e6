"""TLS of the sidecar: version 1.2 or newer, and a certificate that may be renewed while it serves."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from scoreline.errors import ConfigError

logger = logging.getLogger("scoreline.http")

HANDSHAKE_SECONDS = 10.0
"""For a caller to finish its part of the handshake."""

SHUTDOWN_SECONDS = 5.0
"""For a caller to say that it has read all."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files: the chain, and its key without a passphrase."""

    chain: Path
    key: Path | None


class RenewedCertificate:
    """Gives each new connection the certificate that is in the files by then; open ones keep theirs.

    Files that cannot be used, be it because only one of them is new so far, leave the certificate as it was.
    """

    def __init__(self, files: CertificateFiles) -> None:
        """Load the files.

        Raises:
            ConfigError: they cannot be used.
        """
        self._files = files
        self._state = _read_state(files)
        self._refused: object = None
        self._current = make_context(files)
        # Called for every handshake, whether the caller names a host or not.
        self.context = make_context(files)
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        state = _read_state(self._files)
        if state not in (self._state, self._refused):
            self._renew(state)
        connection.context = self._current

    def _renew(self, state: object) -> None:
        try:
            self._current = make_context(self._files)
        except ConfigError as error:
            self._refused = state
            logger.warning(
                "goes on with the certificate it has: %s",
                error,
                extra={"event": "certificate_refused", "error": str(error)},
            )
            return
        self._state, self._refused = state, None
        logger.info("serves with a new certificate", extra={"event": "certificate_renewed"})


def make_context(files: CertificateFiles) -> ssl.SSLContext:
    """What a server needs for TLS.

    Raises:
        ConfigError: the files are missing, no certificate and its key, or the key has a passphrase.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a passphrase given OpenSSL would ask for one on the terminal, and wait.
        context.load_cert_chain(files.chain, files.key, password="")
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(f"the certificate {files.chain} or its key cannot be used: {reason}") from error
    return context


def _read_state(files: CertificateFiles) -> object:
    """What changes when a file is written or replaced; None for one that is not there."""
    return tuple(_stat(path) for path in (files.chain, files.key) if path is not None)


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None  # a renewal may take it away for a moment: that is its state
    return found.st_ino, found.st_mtime_ns, found.st_size
