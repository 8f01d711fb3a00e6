"""Listens to what a Kafka client says on the side: counts it, passes it on, remembers the reason."""

import logging
from collections import Counter

from confluent_kafka import KafkaError

from scoreline.kafka.client.errors import UNSPECIFIC, describe_error, find_remedy, is_fatal
from scoreline.records import Clock
from scoreline.transport.ports import ClientObserver

logger = logging.getLogger("scoreline.kafka")

QUIET_SECONDS = 10.0
"""A client whose broker is away repeats its lines many times a second; each kind is logged once in this time."""


class ClientWatch:
    """What one client has reported: its error callback and its logger in one.

    Called from the thread that polls the client; the attributes may be read from any thread.

    Attributes:
        counts: how often each kind of error was reported, by its name.
        fatal: the error after which the client cannot go on.
        reason: the last error that says why, described; also after everything is well again.
        remedy: what to do about `reason`, where it is a refusal that does not pass by itself.
    """

    def __init__(self, observer: ClientObserver | None, *, clock: Clock) -> None:
        self.counts: Counter[str] = Counter()
        self.fatal: str | None = None
        self.reason: str | None = None
        self.remedy: str | None = None
        self._observer = observer
        self._clock = clock
        self._logged_at: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def note(self, error: KafkaError) -> None:
        """Take note of an error, wherever it was met: this is the client's `error_cb`."""
        name = error.name()
        self.counts[name] += 1
        described = describe_error(error)
        if is_fatal(error):
            self.fatal = described
        if self.reason is None or error.code() not in UNSPECIFIC:
            self.reason, self.remedy = described, find_remedy(error)
        if self._observer is not None:
            self._observer.client_error(name, described)

    def log(self, level: int, template: str, *values: object) -> None:
        """Take a line of the client's own log: the one method of a logger that it calls."""
        kind = str(values[0]) if values else template
        now = self._clock()
        logged_at = self._logged_at.get(kind)
        if logged_at is not None and now - logged_at < QUIET_SECONDS:
            self._unsaid[kind] += 1
            return
        self._logged_at[kind] = now
        fields = {"event": "kafka_client_log", "kind": kind, "unsaid": self._unsaid.pop(kind, 0)}
        logger.log(level, template, *values, extra=fields)

    def forget(self) -> None:
        """Everything is well: what was wrong before is no reason any more."""
        self.reason = self.remedy = None
