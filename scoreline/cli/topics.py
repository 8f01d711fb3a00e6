"""`scoreline topics`: the topics that the service needs, with settings that fit each other."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.job_topics import JOB_KINDS, find_job_misfits, job_schemas, plan_job_topics
from scoreline.cli.output import print_table
from scoreline.errors import ConfigError

if TYPE_CHECKING:
    from scoreline.config.settings import Settings
    from scoreline.kafka.cluster.admin import KafkaAdmin, TopicDescription

HEADER_BYTES = 16 * 1024
"""What a dead letter may have more than its record: nine headers of at most 1 KiB each, with their names."""

KEPT_MS = 14 * 24 * 3_600_000
"""How long dead letters are kept at least: someone has to find time to look at them."""

PLANNED_KINDS = ("output", "dead letters", "redrive", "redriven", "drift events", "shadow")
"""What the topics of a plan are for, in its order; the last one only where it is asked for."""

DRIFT_EVENTS_KEPT_MS = 30 * 24 * 3_600_000
"""Drift is looked at by the month."""

DEFAULT_MESSAGE_BYTES = 1_048_588
REACH_SECONDS = 10.0
COMPACTED = "it is compacted: of records with one key only the last is kept"

topics_app = typer.Typer(
    name="topics",
    help="Create the topics that the service needs.\n\nExample: scoreline topics create --partitions 12",
    no_args_is_help=True,
)


@topics_app.callback()
def describe_group() -> None:
    """Create the topics that the service needs."""


@topics_app.command("create")
def create(
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Of the input topic, if it is created [default: the broker's].")
    ] = None,
    replication_factor: Annotated[
        int | None, typer.Option(min=1, help="Of every topic that is created [default: the broker's].")
    ] = None,
    *,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="The topic for the predictions of shadows of a route as well.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of a table.")] = False,
) -> None:
    """Create what is missing, with partitions and message sizes that fit the input's; leave what is there.

    Without a schema registry the schemas that scoreline writes with are copied into SCORELINE_SCHEMA_DIR as well.

    Example: scoreline topics create --partitions 12 --replication-factor 3
    """
    from scoreline.config.librdkafka import admin_properties
    from scoreline.config.roles import Role
    from scoreline.config.settings import load_settings
    from scoreline.kafka.cluster.admin import open_admin

    settings = load_settings([Role.STREAM])
    admin = open_admin(admin_properties(settings))
    admin.reach(min(REACH_SECONDS, settings.startup_seconds), lambda: False)
    rows = create_topics(
        admin, settings, partitions=partitions or -1, replication_factor=replication_factor or -1, shadow=shadow
    )
    rows.extend(copy_schemas(settings))
    print_table(rows, as_json=as_json, title="Topics and schemas")


def create_topics(
    admin: "KafkaAdmin", settings: "Settings", *, partitions: int, replication_factor: int, shadow: bool = False
) -> list[dict[str, object]]:
    """Create missing topics, the input first, because the others follow what it turns out to be.

    Args:
        partitions: of the input topic, -1 for the broker's default.
        replication_factor: of all, -1 for the broker's default.
        shadow: whether the topic of shadows is wanted.

    Returns:
        A row for each topic, for people.

    Raises:
        DependencyError: the broker is away, or refuses.
    """
    from scoreline.kafka.cluster.admin import TopicDescription

    created = admin.create_topics(
        [TopicDescription(settings.input_topic, partitions, replication_factor)]
        if settings.input_topic not in admin.describe_topics([settings.input_topic])
        else []
    )
    source = admin.check_topics([settings.input_topic])[settings.input_topic]
    wanted = plan_topics(settings, source, replication_factor=replication_factor, shadow=shadow)
    jobs = plan_job_topics(settings, partitions=source.partitions, replication_factor=replication_factor)
    labels = plan_labels_topic(settings, source, replication_factor=replication_factor)
    planned = (*wanted, *jobs, *labels)
    present = admin.describe_topics([topic.name for topic in planned])
    created += admin.create_topics([topic for topic in planned if topic.name not in present])
    found = admin.check_topics([source.name, *(topic.name for topic in planned)])
    misfits = find_job_misfits(settings, {topic.name: found[topic.name] for topic in jobs})
    return [
        {
            "name": topic.name,
            "kind": kind,
            "state": "created" if topic.name in created else "there",
            "partitions": topic.partitions,
            "note": note,
        }
        for kind, topic, note in [
            ("input", found[source.name], _describe_left(found[source.name], partitions)),
            *(
                (kind, found[want.name], find_misfit(found[want.name], want))
                for kind, want in zip(PLANNED_KINDS, wanted, strict=False)
            ),
            *((kind, found[want.name], misfits.get(want.name, "")) for kind, want in zip(JOB_KINDS, jobs, strict=True)),
            *(("labels", found[want.name], "") for want in labels),
        ]
    ]


def _describe_left(source: "TopicDescription", asked_partitions: int) -> str:
    """That the input topic was there already and is not as it was asked for; empty where it is."""
    if asked_partitions in (-1, source.partitions):
        return ""
    return f"{asked_partitions} partitions were asked for; the topic was there, and was left as it is"


def plan_topics(
    settings: "Settings", source: "TopicDescription", *, replication_factor: int = -1, shadow: bool = False
) -> "tuple[TopicDescription, ...]":
    """What the other topics should be, given the input topic as it is: one for each of `PLANNED_KINDS`.

    A prediction carries its record's key and headers, a dead letter all of it and headers of ours besides; a redriven
    record, which has some of these, waits as long for its service. The markers of redriven letters have to outlive the
    letters, so they are compacted and never deleted. Drift events are few, and in one partition they are in order.
    """
    from scoreline.kafka.cluster.admin import TopicDescription

    message_bytes = _read_number(source.configs, "max.message.bytes", DEFAULT_MESSAGE_BYTES)
    kept_ms = _read_number(source.configs, "retention.ms", KEPT_MS)
    output = {"cleanup.policy": "delete", "max.message.bytes": str(max(message_bytes, DEFAULT_MESSAGE_BYTES))}
    letters = {
        "cleanup.policy": "delete",
        "max.message.bytes": str(message_bytes + HEADER_BYTES),
        "retention.ms": str(kept_ms if kept_ms < 0 else max(kept_ms, KEPT_MS)),
    }
    redriven = {"cleanup.policy": "compact"}
    drift_events = {"cleanup.policy": "delete", "retention.ms": str(DRIFT_EVENTS_KEPT_MS)}
    planned = (
        TopicDescription(settings.output_topic, source.partitions, replication_factor, output),
        TopicDescription(settings.dead_letter_topic, source.partitions, replication_factor, letters),
        TopicDescription(settings.redrive_topic, source.partitions, replication_factor, letters),
        TopicDescription(settings.redriven_topic, source.partitions, replication_factor, redriven),
        TopicDescription(settings.drift_events_topic, 1, replication_factor, drift_events),
        TopicDescription(settings.shadow_topic, source.partitions, replication_factor, output),
    )
    return planned if shadow else planned[:-1]


def plan_labels_topic(
    settings: "Settings", source: "TopicDescription", *, replication_factor: int = -1
) -> "tuple[TopicDescription, ...]":
    """The topic that labels come on, where there is to be one; how long it keeps them is for those who write them."""
    from scoreline.kafka.cluster.admin import TopicDescription

    name = settings.labels_topic
    return () if name is None else (TopicDescription(name, source.partitions, replication_factor),)


def find_misfit(topic: "TopicDescription", wanted: "TopicDescription") -> str:
    """Where a topic is less than it should be, and what that means; empty when it fits."""
    policy = topic.configs.get("cleanup.policy", "")
    if wanted.configs["cleanup.policy"] == "compact":
        return (
            "it is not only compacted: a letter whose marker is deleted is redriven twice" if "delete" in policy else ""
        )
    if "max.message.bytes" not in wanted.configs:  # any number of partitions, and any size, will do
        return COMPACTED if "compact" in policy else ""
    notes = []
    if topic.partitions != wanted.partitions:
        notes.append(f"{topic.partitions} partitions, the input has {wanted.partitions}: they are shared by number")
    size = _read_number(topic.configs, "max.message.bytes", -1)
    needed = int(wanted.configs["max.message.bytes"])
    if 0 <= size < needed:
        notes.append(f"max.message.bytes is {size}, but what the input allows may need {needed}")
    if "compact" in policy:
        notes.append(COMPACTED)
    return "; ".join(notes)


def copy_schemas(settings: "Settings") -> list[dict[str, object]]:
    """Put the schemas that scoreline writes with into the folder, where there is no registry; a row for each.

    Raises:
        ConfigError: the folder is damaged, or cannot be written.
    """
    if settings.schema_registry_url is not None:
        return []
    from scoreline.schemas.fixed import DRIFT_EVENT_ID, LABEL_ID, load_fixed, prediction_schema
    from scoreline.schemas.folder import write_schema

    rows: list[dict[str, object]] = []
    wanted = {
        f"{settings.output_topic}-value": prediction_schema(),
        **job_schemas(settings),
        f"{settings.drift_events_topic}-value": load_fixed(DRIFT_EVENT_ID),
    }
    if settings.labels_topic is not None:
        wanted[f"{settings.labels_topic}-value"] = load_fixed(LABEL_ID)
    for subject, schema in wanted.items():
        folder = settings.schema_dir / subject
        before = set(folder.glob("*.avsc"))
        try:
            schema_id = write_schema(settings.schema_dir, subject, schema)
        except OSError as error:
            raise ConfigError(f"SCORELINE_SCHEMA_DIR: {folder} cannot be written: {error.strerror}") from error
        path = folder / f"{schema_id}.avsc"
        state = "there" if path in before else "created"
        rows.append({"name": str(path), "kind": "schema", "state": state, "partitions": None, "note": ""})
    return rows


def _read_number(configs: Mapping[str, str], name: str, default: int) -> int:
    text = configs.get(name, "")
    return int(text) if text.lstrip("-").isdigit() else default
