"""`scoreline replay`: a range of the input scored again, to a topic of its own."""

import re
import secrets
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.interrupts import noting_interrupts, noting_terminations
from scoreline.cli.moments import format_moment, parse_moment
from scoreline.cli.output import print_json
from scoreline.cli.replay_report import ReplayReport
from scoreline.cli.replay_thread import ReplayThread
from scoreline.errors import ConfigError

if TYPE_CHECKING:
    from scoreline.config.settings import Settings

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
    run = ReplayThread(
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
            state = run.await_end(lambda: interrupted.is_set() or terminated.is_set())
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
