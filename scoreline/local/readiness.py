"""Waits until a broker answers its clients."""

import time
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from scoreline.errors import Unavailable

PATIENCE_SECONDS = 0.5


def await_broker(
    bootstrap_servers: str, *, timeout_seconds: float, is_running: Callable[[], bool] = lambda: True
) -> None:
    """Ask for the cluster's metadata until there is a broker in it.

    Args:
        bootstrap_servers: address of the cluster.
        timeout_seconds: when to give up.
        is_running: asked between two attempts; False ends the wait.

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
    while not answers(admin):
        if not is_running():
            raise Unavailable(f"the broker at {bootstrap_servers} ended before it answered")
        if time.monotonic() > deadline:
            raise Unavailable(f"no broker answers at {bootstrap_servers} within {timeout_seconds:.0f} s")


def answers(admin: AdminClient) -> bool:
    """Whether at least one broker is in the metadata; waits up to half a second for an answer."""
    try:
        return bool(admin.list_topics(timeout=PATIENCE_SECONDS).brokers)
    except KafkaException:
        return False  # not yet: that is the answer
