"""`scoreline produce`: rows of a file as Avro records on a topic."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli.output import print_json, show_progress
from scoreline.errors import ConfigError, DeliveryError, SchemaNotFound

if TYPE_CHECKING:
    from scoreline.cli.encoding import RowEncoder
    from scoreline.cli.rows import RowFile
    from scoreline.config.settings import Settings
    from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog

SHOWN_PROBLEMS = 20
POLL_EVERY = 1000
WAIT_SECONDS = 0.1


def produce(
    file: Annotated[Path, typer.Argument(help="CSV, JSONL, Parquet or an Avro container, by its suffix.")],
    topic: Annotated[str | None, typer.Option(help="[default: the input topic]", show_default=False)] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Records per second [default: as fast as it goes].")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Field that becomes the key, as text [default: no key].")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="What was done as one JSON object.")] = False,
) -> None:
    """Send the rows of a file as Avro records; nothing is sent unless every row fits the schema.

    The schema is the container's own, else the newest of the topic, else one made from the rows: nullable long,
    double, boolean or string. In CSV an empty cell is null.

    Example: scoreline produce flights.csv --key carrier --rate 500
    """
    from scoreline.cli.rows import open_rows
    from scoreline.config.roles import Role
    from scoreline.config.settings import load_settings

    settings = load_settings([Role.STREAM])
    topic = topic or settings.input_topic
    rows = open_rows(file)
    prepared = prepare(settings, topic, rows)
    report = check_rows(prepared.encoder, rows, key)
    if report.left_out:
        typer.echo(f"left out, because the schema has no field for it: {', '.join(report.left_out)}", err=True)
    payloads = ((make_key(row, key), prepared.encoder.encode(row)) for _, row in rows)
    seconds = send(settings, topic, payloads, count=report.count, per_second=rate)
    if as_json:
        print_json({"topic": topic, "records": report.count, "seconds": seconds, "schema": prepared.origin})
    else:
        typer.echo(f"{report.count} records are on {topic} after {seconds:.1f} s (schema: {prepared.origin})")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What rows are encoded with, and where its schema came from."""

    encoder: "RowEncoder"
    origin: str


@dataclass(frozen=True, slots=True)
class RowReport:
    """What was found in a file whose rows all fit: how many there are, and columns that no field wants."""

    count: int
    left_out: tuple[str, ...]


def prepare(settings: "Settings", topic: str, rows: "RowFile") -> Prepared:
    """Choose the schema, make sure that readers will find it, and frame with it.

    Raises:
        ConfigError: no schema can be made from the rows, or it cannot be written.
        SchemaError: the registry refuses it.
        Unavailable: the registry is away.
    """
    from scoreline.cli.encoding import RowEncoder
    from scoreline.schemas.configured import open_catalog
    from scoreline.schemas.framing import Framing, prefix_for

    catalog = open_catalog(settings)
    subject = f"{topic}-value"
    schema, origin = choose_schema(catalog, topic, rows)
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ConfigError(f"the schema of {subject} is no record")
    schema_id = publish_schema(settings, catalog, subject, schema)
    prefix = prefix_for(Framing(settings.input_format), schema_id, schema)
    return Prepared(RowEncoder(schema, prefix, as_text=rows.as_text), origin)


def choose_schema(catalog: "SchemaCatalog", topic: str, rows: "RowFile") -> "tuple[ParsedSchema, str]":
    """The container's own schema, else the newest of the topic, else one that is inferred; and which it is."""
    from scoreline.cli.inference import infer_schema, record_name

    if rows.schema is not None:
        return rows.schema, "the file's own"
    try:
        return catalog.latest(f"{topic}-value"), f"the newest of {topic}-value"
    except SchemaNotFound:
        return infer_schema(record_name(topic), rows, as_text=rows.as_text), "made from the rows"


def publish_schema(settings: "Settings", catalog: "SchemaCatalog", subject: str, schema: "ParsedSchema") -> int:
    """The id of a schema, registered or written into the folder where that is needed."""
    if settings.schema_registry_url is not None:
        return catalog.id_of_output(subject, schema)
    from scoreline.schemas.folder import write_schema

    try:
        return write_schema(settings.schema_dir, subject, schema)
    except OSError as error:
        raise ConfigError(f"SCORELINE_SCHEMA_DIR: {settings.schema_dir}: {error.strerror}") from error


def check_rows(encoder: "RowEncoder", rows: "RowFile", key: str | None) -> RowReport:
    """Encode every row once without sending it.

    Raises:
        ConfigError: rows that do not fit, each with its line, or there are none.
    """
    problems: list[str] = []
    count = bad = 0
    left_out: dict[str, None] = {}
    for number, row in rows:
        count += 1
        try:
            make_key(row, key)
            encoder.encode(row)
        except ValueError as error:
            bad += 1
            if len(problems) < SHOWN_PROBLEMS:
                problems.append(f"{rows.path}, line {number}: {error}")
        left_out |= dict.fromkeys(encoder.left_out(row))
    if bad > len(problems):
        problems.append(f"{rows.path}: {bad - len(problems)} more rows that do not fit")
    if not count:
        problems.append(f"{rows.path} has no rows")
    if problems:
        raise ConfigError(*problems)
    return RowReport(count, tuple(left_out))


def make_key(row: Any, key: str | None) -> bytes | None:
    """The key of a row: its field as text, UTF-8; None without a field to take, and where that is null.

    Raises:
        ValueError: the row has no such field.
    """
    if key is None:
        return None
    if key not in row:
        raise ValueError(f"there is no field {key!r} for the key")
    return None if row[key] is None else str(row[key]).encode()


def send(
    settings: "Settings",
    topic: str,
    payloads: Iterator[tuple[bytes | None, bytes]],
    *,
    count: int,
    per_second: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Send records and wait until all are acknowledged; returns the seconds that it took.

    Raises:
        DependencyError: the broker is away or refuses, or the topic is missing.
        DeliveryError: records were not acknowledged; says how many, and why.
    """
    from scoreline.config.librdkafka import admin_properties, producer_properties
    from scoreline.kafka.admin import open_admin
    from scoreline.kafka.clients import make_producer

    admin = open_admin(admin_properties(settings))
    admin.reach(settings.startup_seconds, lambda: False)
    admin.check_topics([topic])
    failures: Counter[str] = Counter()
    # A person waits for this: unlike the service it gives up some time after the broker has gone.
    limit = {"message.timeout.ms": str(int(settings.startup_seconds * 1000))}
    producer = make_producer(
        {**limit, **producer_properties(settings)}, on_delivery=lambda error, _: failures.update([str(error)])
    )
    started = clock()
    with show_progress(f"to {topic}", count) as advance:
        for sent, (key, value) in enumerate(payloads):
            while per_second is not None and (ahead_seconds := sent / per_second - (clock() - started)) > 0:
                producer.poll(ahead_seconds)
            while True:
                try:
                    producer.produce(topic, value, key)
                except BufferError:
                    producer.poll(WAIT_SECONDS)
                else:
                    break
            if sent % POLL_EVERY == POLL_EVERY - 1:
                producer.poll(0)
                advance(POLL_EVERY)
        producer.flush()
        advance(count % POLL_EVERY)
    if failures:
        told = "; ".join(f"{times} times {reason}" for reason, times in failures.most_common(3))
        raise DeliveryError(f"{failures.total()} of {count} records were not acknowledged: {told}")
    return clock() - started
