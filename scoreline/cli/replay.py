"""`scoreline replay`: a range of the input scored again, to a topic of its own."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.interrupts import noting_interrupts, noting_terminations
from scoreline.cli.moments import format_moment, parse_moment
from scoreline.cli.output import print_json
from scoreline.cli.replay_report import ReplayReport
from scoreline.errors import ConfigError, FatalClientError, Refused, StopOverdue

if TYPE_CHECKING:
    from scoreline.config.settings import Settings
    from scoreline.service.stopping import Stop

LOOK_SECONDS = 0.1
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


def replay(
    begin: Annotated[str, typer.Option("--from", help="First moment: ISO 8601 (UTC without a zone), or milliseconds.")],
    end: Annotated[str, typer.Option("--to", help="First moment that does not belong to it, likewise.")],
    version: Annotated[str, typer.Option(help="Model version for every record: a number, an alias or latest.")],
    output_topic: Annotated[str, typer.Option(help="For predictions; dead letters go to TOPIC.dead-letters.")],
    replay_id: Annotated[
        str | None, typer.Option("--id", help="Go on with the replay of this id, or begin it [default: a new one].")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Records per second [default: as fast as it goes].")
    ] = None,
    *,
    create_topics: Annotated[
        bool, typer.Option("--create-topics", help="Create the two topics where they are missing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was done as one JSON object.")] = False,
) -> None:
    """Score records of a range of Kafka timestamps again with one version, beside the running service.

    The live group is not touched. Ctrl-C or SIGTERM finishes the batch in hand; the same --id goes on behind it.

    Example: scoreline replay --from 2026-03-01 --to 2026-03-02 --version 4 --output-topic predictions-v4
    """
    from scoreline.config.roles import Role
    from scoreline.config.settings import load_settings
    from scoreline.service.stopping import Stop

    settings = load_settings([Role.STREAM])
    from_ms, to_ms = read_range(begin, end)
    live = find_live_topics(settings)
    own = {"output_topic": output_topic, "dead_letter_topic": f"{output_topic}.dead-letters"}
    replay_id = secrets.token_hex(4) if replay_id is None else replay_id
    problems = [*find_wrong_topics(own.values(), live), *find_wrong_id(replay_id)]
    if problems:
        raise ConfigError(*problems)
    stop = Stop(settings.shutdown_seconds, time.monotonic)
    report = ReplayReport(lambda plan: f"scoreline replay {plan.order.arguments()} --id {replay_id}")
    if to_ms > int(time.time() * 1000):
        report.remark("--to lies in the future: the range ends where the input topic ends now")
    run = _Run(
        settings.model_copy(update=own),
        replay_id,
        (from_ms, to_ms),
        version,
        per_second=rate,
        create_topics=create_topics,
        stop=stop,
        report=report,
    )
    with noting_interrupts() as interrupted, noting_terminations() as terminated:
        with report:
            state = await_end(run, stop, lambda: interrupted.is_set() or terminated.is_set())
        if as_json:
            print_json(report.sum_up(state, replay_id))
        else:
            typer.echo(report.tell(state, replay_id))


def read_range(begin: str, end: str) -> tuple[int, int]:
    """Both moments, in milliseconds since the epoch.

    Raises:
        ConfigError: one cannot be read, or the first is not before the second.
    """
    moments: list[int] = []
    problems: list[str] = []
    for option, text in (("--from", begin), ("--to", end)):
        try:
            moments.append(parse_moment(text, option))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    if moments[0] >= moments[1]:
        raise ConfigError(
            f"--from {format_moment(moments[0])} has to be before --to {format_moment(moments[1])}, which is exclusive"
        )
    return moments[0], moments[1]


def find_live_topics(settings: "Settings") -> dict[str, str]:
    """Every topic that a variable names, by that variable."""
    names = [name for name in type(settings).variable_fields() if name.endswith("_topic")]
    return {f"SCORELINE_{name.upper()}": getattr(settings, name) for name in names if getattr(settings, name)}


def find_wrong_topics(own: Collection[str], live: Mapping[str, str]) -> list[str]:
    """What is wrong with the topics that a replay is to write to."""
    from scoreline.config.kinds import MAX_TOPIC_LENGTH, is_topic_name

    problems = [
        f"--output-topic: {topic!r} is no topic's name: 1 to {MAX_TOPIC_LENGTH} of the characters a-z A-Z 0-9 . _ -"
        for topic in own
        if not is_topic_name(topic)
    ]
    return problems[:1] + [
        f"--output-topic: a replay would write to {topic}, which is {variable}; give it a topic of its own"
        for topic in own
        for variable, other in live.items()
        if topic == other
    ]


def find_wrong_id(replay_id: str) -> list[str]:
    """What is wrong with an id, which is to be a part of the names of a group and of a transactional id."""
    if _ID.fullmatch(replay_id):
        return []
    return [f"--id: expected 1 to 100 of the characters a-z A-Z 0-9 . _ -; it is {replay_id!r}"]


class _Run:
    """A replay on a thread of its own, so that a call of the client that hangs cannot hold a stop up.

    Attributes:
        state: `finished`, `already finished` or `stopped`, once it has ended.
        error: what ended it.
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
        report: ReplayReport,
    ) -> None:
        self.state = "stopped"
        self.error: BaseException | None = None
        self._settings = settings
        self._replay_id = replay_id
        self._moments = moments
        self._selector = selector
        self._per_second = per_second
        self._create_topics = create_topics
        self._stop = stop
        self._report = report
        self.thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def _run(self) -> None:
        try:
            self.state = self._replay()
        except StopOverdue:
            self.state = "stopped"
        except BaseException as error:  # noqa: BLE001 - kept, and raised again by the main thread
            self.error = error

    def _replay(self) -> str:
        from scoreline.service.replay import Replay
        from scoreline.stream.replay import ReplayOrder

        settings = self._settings
        replay = Replay(settings, self._replay_id, stop=self._stop, observer=self._report)
        version = replay.load_version(self._selector)
        counts = find_topics(settings, self._report, self._stop.is_set, create=self._create_topics)
        order = ReplayOrder(
            settings.input_topic, *self._moments, replay.model_name, version.version, settings.output_topic
        )
        plan = replay.make_plan(order, counts[settings.input_topic])
        if plan.is_finished and plan.done:
            return "already finished"
        finished = replay.run(plan, version, counts, per_second=self._per_second)
        return "finished" if finished else "stopped"


def find_topics(
    settings: "Settings", report: ReplayReport, should_stop: Callable[[], bool], *, create: bool
) -> dict[str, int]:
    """Partition counts of the topics that a replay reads and writes.

    Args:
        settings: with the replay's own topics.
        create: those that are missing, with partitions, sizes and replication that fit the input's.

    Raises:
        StopOverdue: a stop came first.
        Refused: one is missing, or this user may not use it.
        DependencyError: the cluster does not answer, or refuses.
    """
    from scoreline.cli.topics import find_misfit, plan_topics
    from scoreline.config.librdkafka import admin_properties
    from scoreline.kafka.admin import open_admin

    admin = open_admin(admin_properties(settings))
    admin.reach(settings.startup_seconds, should_stop)
    if should_stop():
        raise StopOverdue("a stop was requested before Kafka was reached")
    name, written = settings.input_topic, [settings.output_topic, settings.dead_letter_topic]
    source = admin.check_topics([name], read=[name])[name]
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
    found = admin.check_topics([name, *written], read=[name], written=written)
    for topic in wanted.values():
        if misfit := find_misfit(found[topic.name], topic):
            report.remark(f"{topic.name}: {misfit}")
    return {topic.name: topic.partitions for topic in found.values()}


def await_end(run: _Run, stop: "Stop", should_stop: Callable[[], bool]) -> str:
    """Run it to its end, or to that of what a stop allows; returns its state.

    Raises:
        FatalClientError: it did not end in time; nothing is lost, the same id goes on from what was committed.
        BaseException: whatever ended it.
    """
    run.thread.start()
    while run.thread.is_alive():
        run.thread.join(LOOK_SECONDS)
        if should_stop():
            stop.request()
        if stop.is_set() and not stop.left_seconds() and run.thread.is_alive():
            raise FatalClientError(
                "the replay did not end within SHUTDOWN_SECONDS; what it had in hand is scored again with the same --id"
            )
    if run.error is not None:
        raise run.error
    return run.state
