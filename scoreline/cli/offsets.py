"""`scoreline offsets`: where the consumer group stands, and how to have it stand elsewhere."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.moments import parse_moment
from scoreline.cli.output import print_json, print_table
from scoreline.errors import ConfigError, Refused

if TYPE_CHECKING:
    from scoreline.config.settings import Settings
    from scoreline.kafka.cluster.groups import GroupAdmin, GroupDescription, PartitionOffsets
    from scoreline.records import TopicPartition

SHOWN_MEMBERS = 3

offsets_app = typer.Typer(
    name="offsets",
    help="Where the consumer group stands on its input and redrive topics.\n\nExample: scoreline offsets show",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@offsets_app.callback()
def describe_group() -> None:
    """Where the consumer group stands on its input and redrive topics."""


@offsets_app.command("show")
def show(*, as_json: AsJson = False) -> None:
    """Show the committed offset, what there is, and the lag of every partition, and the members of the group.

    A committed offset that is gone (retention has overtaken the group, or the topic was made anew) is marked.

    Example: scoreline offsets show --json
    """
    settings = _load()
    groups, partitions = _reach(settings, [settings.input_topic, settings.redrive_topic])
    group = groups.describe(_find_group(settings))
    rows = [_to_row(found) for found in groups.find_offsets(group.group_id, partitions)]
    members = [
        {
            "member": member.member_id,
            "client": member.client_id,
            "host": member.host,
            "partitions": ", ".join(map(str, member.partitions)),
        }
        for member in group.members
    ]
    if as_json:
        print_json({"group": group.group_id, "state": group.state, "members": members, "partitions": rows})
        return
    typer.echo(f"group {group.group_id}: {group.state}, {_count_members(group)}")
    print_table(rows, title="Partitions")
    if members:
        typer.echo()
        print_table(members, title="Members")


@offsets_app.command("reset")
def reset(
    to: Annotated[
        str, typer.Option(help="earliest, latest, or a moment: ISO 8601 (UTC without a zone) or ms since the epoch.")
    ],
    partition: Annotated[list[int] | None, typer.Option(min=0, help="Only this one [default: all].")] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this one [default: the input and the redrive topic].")
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have the group go on elsewhere, while nobody is in it; a moment after every record means the end.

    Going back has records scored again, and going forward leaves records out. On a terminal it asks first; elsewhere
    it only says what it would do, and exits 2, unless --yes is given.

    Example: scoreline offsets reset --to 2026-03-01T00:00:00Z --topic features --yes
    """
    settings = _load()
    moment = None if to in ("earliest", "latest") else parse_moment(to, "--to")
    own = [settings.input_topic, settings.redrive_topic]
    if unknown := sorted(set(topic or ()) - set(own)):
        raise ConfigError(
            *(f"--topic: {name} is not one that the group reads: {' and '.join(own)}" for name in unknown)
        )
    groups, partitions = _reach(settings, topic or own, partition or ())
    group = groups.describe(_find_group(settings))
    if group.members:
        raise Refused(_describe_occupied(group))
    before = groups.find_offsets(group.group_id, partitions)
    if moment is not None:
        goals = groups.find_moment(partitions, moment)
    else:
        goals = {found.partition: found.low if to == "earliest" else found.end for found in before}
    plan = [{**_to_row(found), "goes_to": goals[found.partition]} for found in before]
    if not as_json:
        print_table(plan, title=f"group {group.group_id}, to {to}")
    if not (yes or _confirm(group.group_id)):
        raise ConfigError("nothing was moved; --yes has it done without a question")
    groups.move(group.group_id, goals)
    if as_json:
        print_json({"group": group.group_id, "to": to, "partitions": plan})
    else:
        typer.echo(f"the group {group.group_id} goes on from there")


def _load() -> "Settings":
    from scoreline.config.roles import Role
    from scoreline.config.settings import load_settings

    return load_settings([Role.STREAM])


def _find_group(settings: "Settings") -> str:
    """The stream's group, whose name may need that of the model.

    Raises:
        ModelError: the store has no model, or more than one, and none is configured.
    """
    if settings.group_id is not None or settings.model is not None:
        return settings.group_for(settings.model or "")
    from scoreline.models.selectors import find_only_model
    from scoreline.models.store import ModelStore

    return settings.group_for(find_only_model(ModelStore(settings.model_store)))


def _reach(
    settings: "Settings", topics: Sequence[str], numbers: Sequence[int] = ()
) -> "tuple[GroupAdmin, list[TopicPartition]]":
    """An admin of groups on a cluster that answers, and the partitions that are meant.

    Raises:
        ConfigError: a topic has no partition of such a number.
        DependencyError: a topic is missing, or the cluster away or refusing.
    """
    from scoreline.config.librdkafka import admin_properties
    from scoreline.kafka.cluster.admin import open_admin
    from scoreline.kafka.cluster.groups import open_group_admin
    from scoreline.records import TopicPartition

    admin = open_admin(admin_properties(settings))
    admin.reach(settings.startup_seconds, lambda: False)
    counts = {name: found.partitions for name, found in admin.check_topics(topics).items()}
    lacking = [(name, n) for name in topics for n in sorted(set(numbers)) if n >= counts[name]]
    if lacking:
        raise ConfigError(*(f"--partition: {name} has 0 to {counts[name] - 1}, and not {n}" for name, n in lacking))
    partitions = [TopicPartition(name, n) for name in topics for n in sorted(set(numbers)) or range(counts[name])]
    return open_group_admin(admin_properties(settings)), partitions


def _to_row(found: "PartitionOffsets") -> dict[str, object]:
    return {
        "topic": found.partition.topic,
        "partition": found.partition.partition,
        "committed": found.committed,
        "low": found.low,
        "end": found.end,
        "lag": found.lag,
        "state": {None: "none", True: "ok", False: "gone"}[found.exists],
    }


def _count_members(group: "GroupDescription") -> str:
    return "1 member" if len(group.members) == 1 else f"{len(group.members)} members"


def _describe_occupied(group: "GroupDescription") -> str:
    named = ", ".join(f"{m.client_id} at {m.host.lstrip('/')}" for m in group.members[:SHOWN_MEMBERS])
    more = ", …" if len(group.members) > SHOWN_MEMBERS else ""
    return (
        f"the group {group.group_id} has {_count_members(group)} ({named}{more}), and only offsets of a group without "
        "any can be moved: stop every `scoreline run` of it; one that was killed counts until its session times out"
    )


def _confirm(group_id: str) -> bool:
    """Ask on a terminal; elsewhere nobody is there to say yes."""
    return sys.stdin.isatty() and typer.confirm(f"Move the offsets of the group {group_id}?")
