"""Ports on loopback that nobody listens on."""

import secrets
import socket

from scoreline.errors import Unavailable
from scoreline.local.properties import HOST

# Below the range that outgoing connections take theirs from: a client that retries while the broker is down could
# otherwise be given the broker's own port. `secrets`, because tests seed `random` alike in every process.
LOWEST, HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False  # taken: that is the answer
    return True


def free_ports(count: int) -> list[int]:
    """Different ports that are free now; another process may still take one, so whoever uses them tries again.

    Raises:
        Unavailable: there are hardly any.
    """
    found: set[int] = set()
    for _ in range(100 * count):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if is_free(port):
            found.add(port)
        if len(found) == count:
            return sorted(found)
    raise Unavailable(f"no {count} free ports between {LOWEST} and {HIGHEST} on {HOST}")
