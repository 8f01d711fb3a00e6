"""Reaches the cluster for a role: waits for it at the start, and asks it now and then whether it is still there."""

import logging
import time
from collections.abc import Callable, Sequence

from scoreline.config.librdkafka import admin_properties
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.errors import DependencyError, Unavailable
from scoreline.kafka.cluster.admin import KafkaAdmin, open_admin
from scoreline.kafka.member.refusals import RefusalNotes
from scoreline.observability.health import ComponentHealth
from scoreline.service.stopping import Stop
from scoreline.transport.ports import ClientObserver

PROBE_SECONDS = 2.0
"""How long the cluster may take to answer before it counts as away."""

PROBE_STALE_SECONDS = 30.0
"""An older answer is no evidence."""


class KafkaContact:
    """What a role that works on Kafka needs of the cluster as a whole; a component of its health.

    Args:
        read, written: topics that have to be there, and to be permitted.
        refusals: told of by the role's clients.
        also_read: topics that have to be there at the start, and whose loss is told elsewhere.
    """

    def __init__(
        self,
        settings: Settings,
        role: Role,
        *,
        read: Sequence[str],
        written: Sequence[str],
        group_id: str,
        refusals: RefusalNotes,
        observer: ClientObserver,
        also_read: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._role = role
        self._read, self._written = list(read), list(written)
        self._also_read = list(also_read)
        self._group_id = group_id
        self._refusals = refusals
        self._observer = observer
        self._logger = logging.getLogger(f"scoreline.{role}")
        self._admin: KafkaAdmin | None = None
        self._trouble: str | None = None
        self._asked_at = time.monotonic()

    def reach(self, stop: Stop, turned: Callable[[], None]) -> dict[str, int]:
        """Partition counts of the topics, once the broker has answered; empty where a stop came first.

        Args:
            turned: told now and then that whoever waits is alive.

        Raises:
            Unavailable: the broker was not reached within `STARTUP_SECONDS`.
            Refused: it refuses our credentials, or a topic or a permission is missing.
        """

        def is_stopping() -> bool:
            turned()
            return stop.is_set()

        settings = self._settings
        admin = open_admin(admin_properties(settings), observer=self._observer)
        deadline = time.monotonic() + settings.startup_seconds
        admin.reach(settings.startup_seconds, is_stopping)
        while not is_stopping():
            try:
                read = [*self._read, *self._also_read]
                topics = admin.check_topics(
                    [*read, *self._written], read=read, written=self._written, group_id=self._group_id
                )
            except Unavailable:
                # Brokers that are being restarted answer one question and not the next.
                if time.monotonic() > deadline:
                    raise
                stop.wait(1.0)
            else:
                self._admin, self._asked_at = admin, time.monotonic()
                return {name: topic.partitions for name, topic in topics.items()}
        return {}

    def look(self) -> None:
        """Ask whether the cluster answers, and log it where that changes; from one thread that may wait."""
        if self._admin is None:
            return
        trouble = self._find_trouble(self._admin)
        if (trouble is None) != (self._trouble is None):
            if trouble is None:
                self._logger.info("Kafka answers again", extra={"event": "kafka_returned"})
            else:
                self._logger.warning(
                    "Kafka is not there for us: %s", trouble, extra={"event": "kafka_missed", "error": trouble}
                )
        self._trouble = trouble
        self._asked_at = time.monotonic()

    def count_partitions(self, topic: str) -> int:
        """Of a topic that may be missing: then 0."""
        found = {} if self._admin is None else self._admin.describe_topics([topic])
        return found[topic].partitions if topic in found else 0

    def check(self) -> ComponentHealth:
        """The component `kafka` of the role."""
        trouble = self._trouble
        detail = "answers" if trouble is None else trouble
        stale = time.monotonic() - self._asked_at > PROBE_STALE_SECONDS
        if self._admin is None:
            detail = "not reached yet"
        elif stale:
            detail = "has not been asked for a while"
        ready = self._admin is not None and trouble is None and not stale
        return ComponentHealth("kafka", self._role, ready, alive=True, detail=detail)

    def _find_trouble(self, admin: KafkaAdmin) -> str | None:
        """Whether the cluster answers; and, once it has refused a permission, whether that is still so."""
        noted = self._refusals.noted
        trouble = admin.find_trouble(self._read[0], PROBE_SECONDS)
        if trouble is None and self._refusals.open:
            try:
                trouble = admin.find_refusal(read=self._read, written=self._written, group_id=self._group_id)
            except DependencyError as error:
                return str(error)
            if trouble is None:
                self._refusals.settle(noted)
        return trouble
