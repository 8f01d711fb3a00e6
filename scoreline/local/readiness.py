"""Whether a broker answers its clients."""

import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

PATIENCE_SECONDS = 0.5


class AnswersProbe:
    """Asks a broker for its metadata, again and again until the time is up.

    Args:
        bootstrap_servers: address of the broker.
        within_seconds: when to give up.
    """

    def __init__(self, bootstrap_servers: str, within_seconds: float) -> None:
        self._admin = AdminClient(
            {
                "bootstrap.servers": bootstrap_servers,
                "log_level": 0,  # that nobody listens yet is no news
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 100,
            }
        )
        self._deadline = time.monotonic() + within_seconds

    @property
    def out_of_time(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._deadline

    def answers(self) -> bool:
        """Whether at least one broker is in the metadata; waits up to half a second for an answer."""
        try:
            return bool(self._admin.list_topics(timeout=PATIENCE_SECONDS).brokers)
        except KafkaException:
            return False  # not yet: that is the answer
