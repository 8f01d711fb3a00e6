"""Looks at a broker's listener with bare sockets: which protocol it speaks, and why TLS fails there.

The client library says that a connection was closed, and not that the other side waits for TLS or for SASL; of a
certificate that it does not believe it says the same for a wrong authority and a wrong host name.
"""

import socket
import ssl
import struct
from contextlib import closing
from typing import NamedTuple

from scoreline.kafka.client.clients import Properties

LOOK_SECONDS = 1.0
"""For one connection: whoever listens answers in milliseconds."""
MAX_ADDRESSES = 3
"""Brokers of one cluster are alike."""

MAX_PORT = 65_535

PROTOCOL = "SCORELINE_KAFKA_SECURITY_PROTOCOL"

_SASL_HANDSHAKE = struct.pack(">hhihh", 17, 1, 7, -1, 0)
"""Request 17 in version 1, correlation 7, no client id, and the empty name of a mechanism."""
_UNSUPPORTED_SASL_MECHANISM = 33
_ILLEGAL_SASL_STATE = 34
# OpenSSL's codes of what is wrong with a certificate.
_NOT_ITS_TIME = (9, 10)
_NOT_ITS_ADDRESS = (62, 64)


class Listener(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def find_mismatch(properties: Properties) -> str | None:
    """What of these client properties does not fit the brokers' listeners, and the cure; None where nothing is seen.

    Args:
        properties: the user's, `bootstrap.servers` among them.
    """
    for listener in parse_listeners(str(properties.get("bootstrap.servers", "")))[:MAX_ADDRESSES]:
        try:
            found = _look(listener, properties)
        except (OSError, UnicodeError):
            continue  # it is away, says nothing that could be understood, or has an impossible name: no evidence
        if found is not None:
            return f"{listener} {found}"
    return None


def parse_listeners(bootstrap_servers: str) -> list[Listener]:
    """Addresses in librdkafka's notation; those that are none are left out."""
    listeners = []
    for entry in bootstrap_servers.split(","):
        host, _, port = entry.strip().rpartition("://")[2].rpartition(":")
        if host and port.isdigit() and int(port) <= MAX_PORT:
            listeners.append(Listener(host.strip("[]"), int(port)))
    return listeners


def _look(listener: Listener, properties: Properties) -> str | None:
    protocol = str(properties.get("security.protocol", "plaintext")).lower()
    if not protocol.endswith("ssl"):
        if _speaks_tls(listener):
            return f"speaks TLS: set {PROTOCOL} to SSL, or to SASL_SSL where it asks for a user"
        with closing(_connect(listener)) as connection:
            return _compare_sasl(_ask_for_sasl(connection), protocol)
    try:
        with closing(_connect(listener)) as plain, closing(_wrap(plain, listener, properties)) as connection:
            return _compare_sasl(_ask_for_sasl(connection), protocol)
    except ssl.SSLCertVerificationError as error:
        return _explain_certificate(error)
    except OSError:
        with closing(_connect(listener)) as connection:
            if _ask_for_sasl(connection) is None:
                raise
        return f"speaks no TLS: set {PROTOCOL} to PLAINTEXT, or to SASL_PLAINTEXT where it asks for a user"


def _compare_sasl(answer: int | None, protocol: str) -> str | None:
    asked = protocol.startswith("sasl")
    if answer == _UNSUPPORTED_SASL_MECHANISM and not asked:
        wanted = "SASL_SSL" if protocol == "ssl" else "SASL_PLAINTEXT"
        return (
            f"asks for a user (SASL): set {PROTOCOL} to {wanted}, and SCORELINE_KAFKA_SASL_MECHANISM with what it needs"
        )
    if answer == _ILLEGAL_SASL_STATE and asked:
        wanted = "SSL" if protocol.endswith("ssl") else "PLAINTEXT"
        return f"asks for no user (SASL): set {PROTOCOL} to {wanted}, or use the port that asks for one"
    return None


def _explain_certificate(error: ssl.SSLCertVerificationError) -> str:
    told = f"has a certificate that is not believed: {error.verify_message.rstrip('.')}"
    if error.verify_code in _NOT_ITS_TIME:
        return f"{told}; renew it, or correct the clock of this machine"
    if error.verify_code in _NOT_ITS_ADDRESS:
        return (
            f"{told}; use an address that is in the certificate, in SCORELINE_KAFKA_BOOTSTRAP_SERVERS and in the "
            "brokers' advertised.listeners"
        )
    return f"{told}; SCORELINE_KAFKA_SSL_CA_LOCATION has to name a PEM file with the authority that signed it"


def _connect(listener: Listener) -> socket.socket:
    return socket.create_connection(listener, timeout=LOOK_SECONDS)


def _speaks_tls(listener: Listener) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what it says about itself does not matter here; nothing is sent
    with closing(_connect(listener)) as plain:
        try:
            context.wrap_socket(plain, server_hostname=listener.host).close()
        except OSError:
            return False
    return True


def _wrap(plain: socket.socket, listener: Listener, properties: Properties) -> ssl.SSLSocket:
    """Shake hands as the client would, with its authorities and its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = str(properties.get("ssl.endpoint.identification.algorithm", "https")).lower() != "none"
    if str(properties.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    authorities = {"cafile": properties.get("ssl.ca.location"), "cadata": properties.get("ssl.ca.pem")}
    if any(authorities.values()):
        context.load_verify_locations(**authorities)
    else:
        context.set_default_verify_paths()
    if properties.get("ssl.certificate.location") and properties.get("ssl.key.location"):
        context.load_cert_chain(
            properties["ssl.certificate.location"],
            properties["ssl.key.location"],
            password=str(properties.get("ssl.key.password", "")),
        )
    return context.wrap_socket(plain, server_hostname=listener.host)


def _ask_for_sasl(connection: socket.socket) -> int | None:
    """The error code that a broker answers with; None where no broker answers."""
    connection.sendall(struct.pack(">i", len(_SASL_HANDSHAKE)) + _SASL_HANDSHAKE)
    with connection.makefile("rb") as answer:
        start = answer.read(10)
    if len(start) < 10 or struct.unpack(">i", start[4:8])[0] != 7:
        return None
    return int(struct.unpack(">h", start[8:10])[0])
