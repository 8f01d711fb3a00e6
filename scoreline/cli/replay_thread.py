"""A replay as the command runs it: Kafka reached, topics there, the range found or remembered, the loop turned."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from scoreline.errors import FatalClientError, Refused, StopOverdue

if TYPE_CHECKING:
    from scoreline.cli.replay_report import ReplayReport
    from scoreline.config.settings import Settings
    from scoreline.kafka.cluster.admin import KafkaAdmin, TopicDescription
    from scoreline.service.stopping import Stop

LOOK_SECONDS = 0.1


class ReplayThread:
    """A replay on a thread of its own, so that a call of the client that hangs cannot hold a stop up.

    Args:
        settings: with the replay's own topics.
        moments: the range, in milliseconds since the epoch.
        selector: of the version.
        per_second: records, None for as fast as it goes.
    """

    def __init__(
        self,
        settings: "Settings",
        replay_id: str,
        moments: tuple[int, int],
        selector: str,
        *,
        per_second: float | None,
        create_topics: bool,
        stop: "Stop",
        report: "ReplayReport",
    ) -> None:
        self._state = "stopped"
        self._error: BaseException | None = None
        self._settings = settings
        self._replay_id = replay_id
        self._moments = moments
        self._selector = selector
        self._per_second = per_second
        self._create_topics = create_topics
        self._stop = stop
        self._report = report
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def await_end(self, should_stop: Callable[[], bool]) -> str:
        """Run it to its end, or to that of what a stop allows.

        Args:
            should_stop: asked now and then.

        Returns:
            `finished`, `already finished` or `stopped`.

        Raises:
            FatalClientError: it did not end in time; nothing is lost, the same id goes on from what was committed.
            BaseException: whatever ended it.
        """
        self._thread.start()
        while self._thread.is_alive():
            self._thread.join(LOOK_SECONDS)
            if should_stop():
                self._stop.request()
            if self._stop.is_set() and not self._stop.left_seconds() and self._thread.is_alive():
                raise FatalClientError(
                    "the replay did not end within SCORELINE_SHUTDOWN_SECONDS; what it had in hand is scored again "
                    "under the same --id"
                )
        if self._error is not None:
            raise self._error
        return self._state

    def _run(self) -> None:
        try:
            self._state = self._replay()
        except StopOverdue:
            self._state = "stopped"
        except BaseException as error:  # noqa: BLE001 - kept, and raised again by the main thread
            self._error = error

    def _replay(self) -> str:
        from scoreline.service.replay import Replay
        from scoreline.stream.replay import ReplayOrder

        settings, should_stop = self._settings, self._stop.is_set
        replay = Replay(settings, self._replay_id, stop=self._stop, observer=self._report)
        version = replay.load_version(self._selector)
        admin = reach_kafka(settings, should_stop)
        order = ReplayOrder(
            settings.input_topic, *self._moments, replay.model_name, version.version, settings.output_topic
        )
        name = settings.input_topic
        source = admin.check_topics([name], read=[name])[name]
        plan = replay.recall_plan(order, source.partitions)
        if plan is not None and plan.is_finished:
            return "already finished"
        counts = find_topics(admin, settings, source, self._report, create=self._create_topics)
        if plan is None:
            if order.to_ms > int(time.time() * 1000):
                self._report.remark("--to lies in the future: the range ends where the input topic ends now")
            plan = replay.begin_plan(order, source.partitions)
        finished = replay.run(plan, version, counts, per_second=self._per_second)
        return "finished" if finished else "stopped"


def reach_kafka(settings: "Settings", should_stop: Callable[[], bool]) -> "KafkaAdmin":
    """Wait until the cluster answers.

    Raises:
        StopOverdue: a stop came first.
        DependencyError: the cluster does not answer, or refuses.
    """
    from scoreline.config.librdkafka import admin_properties
    from scoreline.kafka.cluster.admin import open_admin

    admin = open_admin(admin_properties(settings))
    admin.reach(settings.startup_seconds, should_stop)
    if should_stop():
        raise StopOverdue("a stop was requested before Kafka was reached")
    return admin


def find_topics(
    admin: "KafkaAdmin",
    settings: "Settings",
    source: "TopicDescription",
    report: "ReplayReport",
    *,
    create: bool,
) -> dict[str, int]:
    """Partition counts of the topics that a replay writes.

    Args:
        settings: with the replay's own topics.
        source: the input topic.
        create: those that are missing, with partitions, sizes and replication that fit the input's.

    Raises:
        Refused: one is missing, or this user may not use it.
        DependencyError: the cluster does not answer, or refuses.
    """
    from scoreline.cli.topics import find_misfit, plan_topics

    written = [settings.output_topic, settings.dead_letter_topic]
    planned = plan_topics(settings, source, replication_factor=source.replication_factor)
    wanted = {topic.name: topic for topic in planned if topic.name in written}
    present = admin.describe_topics(written)
    missing = [topic for topic in wanted.values() if topic.name not in present]
    if missing and not create:
        raise Refused(
            f"missing: {', '.join(topic.name for topic in missing)}; --create-topics creates what a replay writes to, "
            "with partitions and message sizes that fit the input's; or correct the name"
        )
    admin.create_topics(missing)
    found = admin.check_topics(written, written=written)
    for topic in wanted.values():
        if misfit := find_misfit(found[topic.name], topic):
            report.remark(f"{topic.name}: {misfit}")
    return {topic.name: topic.partitions for topic in found.values()}
