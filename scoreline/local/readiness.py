"""Waits until brokers answer their clients."""

import time
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from scoreline.errors import Unavailable

PATIENCE_SECONDS = 0.5


def await_broker(
    bootstrap_servers: str,
    *,
    timeout_seconds: float,
    is_running: Callable[[], bool] = lambda: True,
    at_least: int = 1,
) -> None:
    """Ask for the cluster's metadata until there are brokers in it.

    Args:
        bootstrap_servers: address of the cluster.
        timeout_seconds: when to give up.
        is_running: asked between two attempts; False ends the wait.
        at_least: how many brokers to wait for.

    Raises:
        Unavailable: it ended, or has not answered in time.
    """
    admin = AdminClient(
        {
            "bootstrap.servers": bootstrap_servers,
            "log_level": 0,  # that nobody listens yet is no news
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 100,
        }
    )
    deadline = time.monotonic() + timeout_seconds
    while count_brokers(admin) < at_least:
        if not is_running():
            raise Unavailable(f"the broker at {bootstrap_servers} ended before it answered")
        if time.monotonic() > deadline:
            wanted = "no broker answers" if at_least == 1 else f"fewer than {at_least} brokers are there"
            raise Unavailable(f"{wanted} at {bootstrap_servers} within {timeout_seconds:.0f} s")


def count_brokers(admin: AdminClient) -> int:
    """How many brokers are in the metadata; waits up to half a second for an answer, and takes none for 0."""
    try:
        return len(admin.list_topics(timeout=PATIENCE_SECONDS).brokers)
    except KafkaException:
        return 0  # not yet: that is the answer
