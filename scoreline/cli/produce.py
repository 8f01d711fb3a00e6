"""`scoreline produce`: rows of a file as Avro records on a topic."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli.interrupts import noting_interrupts
from scoreline.cli.output import print_json, show_progress
from scoreline.cli.row_problems import RowProblems
from scoreline.errors import ConfigError, SchemaNotFound

if TYPE_CHECKING:
    from scoreline.cli.encoding import RowEncoder
    from scoreline.cli.rows import RowFile
    from scoreline.config.settings import Settings
    from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog

SHOWN_EVERY = 500


def produce(
    file: Annotated[Path, typer.Argument(help="CSV, JSONL, Parquet or an Avro container, by its suffix.")],
    topic: Annotated[str | None, typer.Option(help="[default: the input topic]", show_default=False)] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Records per second [default: as fast as it goes].")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Field that becomes the key, as text [default: no key].")] = None,
    *,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out columns that the schema has no field for.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was done as one JSON object.")] = False,
) -> None:
    """Send the rows of a file as Avro records; nothing is sent unless every row fits the schema.

    The schema is the container's own, else the newest of the topic, else one made from the rows: nullable long,
    double, boolean or string. In CSV an empty cell is null.

    Example: scoreline produce flights.csv --key carrier --rate 500
    """
    from scoreline.cli.encoding import RowEncoder
    from scoreline.cli.rows import open_rows
    from scoreline.config.roles import Role
    from scoreline.config.settings import load_settings
    from scoreline.schemas.configured import open_catalog

    settings = load_settings([Role.STREAM])
    topic = topic or settings.input_topic
    rows, catalog = open_rows(file), open_catalog(settings)
    typer.echo(f"checking the rows of {file}", err=True)
    schema, origin = choose_schema(catalog, topic, rows)
    report = check_rows(RowEncoder(schema, b"", as_text=rows.as_text), rows, key, ignore_unknown=ignore_unknown)
    if report.left_out:
        typer.echo(f"left out, because the schema has no field for it: {', '.join(report.left_out)}", err=True)
    reach_topic(settings, topic)
    encoder = RowEncoder(schema, publish_schema(settings, catalog, f"{topic}-value", schema), as_text=rows.as_text)
    records = ((make_key(row, key), encoder.encode(row)) for _, row in rows)
    seconds = send(settings, topic, records, count=report.count, per_second=rate)
    if as_json:
        print_json({"topic": topic, "records": report.count, "seconds": seconds, "schema": origin})
    else:
        done = "1 record is" if report.count == 1 else f"{report.count} records are"
        typer.echo(f"{done} on {topic} after {seconds:.1f} s (schema: {origin})")


@dataclass(frozen=True, slots=True)
class RowReport:
    """What was found in a file whose rows all fit: how many there are, and columns that no field wants."""

    count: int
    left_out: tuple[str, ...]


def choose_schema(catalog: "SchemaCatalog", topic: str, rows: "RowFile") -> "tuple[ParsedSchema, str]":
    """The container's own schema, else the newest of the topic, else one that is inferred; and which it is.

    Raises:
        ConfigError: it is no record's, or none can be made from the rows.
        Unavailable: the registry is away.
    """
    from scoreline.cli.inference import infer_schema, record_name

    subject = f"{topic}-value"
    if rows.schema is not None:
        schema, origin = rows.schema, "the file's own"
    else:
        try:
            schema, origin = catalog.latest(subject), f"the newest of {subject}"
        except SchemaNotFound:
            schema, origin = infer_schema(record_name(topic), rows, as_text=rows.as_text), "made from the rows"
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ConfigError(f"{origin} is no record's schema")
    return schema, origin


def publish_schema(settings: "Settings", catalog: "SchemaCatalog", subject: str, schema: "ParsedSchema") -> bytes:
    """Make sure that readers find the schema, and return what frames a record of it.

    Raises:
        ConfigError: the folder is damaged, or cannot be written.
        SchemaError: the registry refuses it.
        Unavailable: the registry is away.
    """
    from scoreline.schemas.folder import write_schema
    from scoreline.schemas.framing import Framing, prefix_for

    if settings.schema_registry_url is not None:
        schema_id = catalog.id_of_output(subject, schema)
    else:
        try:
            schema_id = write_schema(settings.schema_dir, subject, schema)
        except OSError as error:
            raise ConfigError(f"SCORELINE_SCHEMA_DIR: {settings.schema_dir}: {error.strerror}") from error
    return prefix_for(Framing(settings.input_format), schema_id, schema)


def check_rows(encoder: "RowEncoder", rows: "RowFile", key: str | None, *, ignore_unknown: bool = False) -> RowReport:
    """Encode every row once without sending it.

    Args:
        ignore_unknown: whether columns that the schema has no field for may be left out.

    Raises:
        ConfigError: rows that do not fit, with their lines, columns without a field, or there are no rows.
    """
    problems = RowProblems(f"{rows.path}, line")
    count = 0
    left_out: dict[str, None] = {}
    for number, row in rows:
        count += 1
        try:
            make_key(row, key)
            encoder.encode(row)
        except ValueError as error:
            problems.add(number, str(error))
        left_out |= dict.fromkeys(encoder.left_out(row))
    if not count:
        raise ConfigError(f"{rows.path} has no rows")
    unknown = [] if ignore_unknown else describe_unknown(left_out, encoder.fields)
    if told := [*unknown, *problems.describe()]:
        raise ConfigError(*told)
    return RowReport(count, tuple(left_out))


def describe_unknown(columns: Iterable[str], fields: Sequence[str]) -> list[str]:
    """One problem for each column that the schema has no field for, with the name that may have been meant."""
    problems = []
    for column in columns:
        nearest = get_close_matches(column, fields, n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        problems.append(f"the schema has no field for the column {column}: {hint}--ignore-unknown leaves it out")
    return problems


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


def reach_topic(settings: "Settings", topic: str) -> None:
    """Wait for the broker, and look whether it has the topic.

    Raises:
        DependencyError: the broker is away or refuses, or the topic is missing.
    """
    from scoreline.config.librdkafka import admin_properties
    from scoreline.kafka.cluster.admin import open_admin

    admin = open_admin(admin_properties(settings))
    admin.reach(settings.startup_seconds, lambda: False)
    admin.check_topics([topic])


def send(
    settings: "Settings",
    topic: str,
    records: Iterable[tuple[bytes | None, bytes]],
    *,
    count: int,
    per_second: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Send keys and payloads and wait until all are acknowledged; returns the seconds that it took.

    Args:
        count: of the records, for people.
        per_second: None for as fast as it goes.

    Raises:
        DeliveryError: records were not acknowledged; says how many, and why.
        KeyboardInterrupt: Ctrl-C; it was told how many are acknowledged.
    """
    from scoreline.config.librdkafka import producer_properties
    from scoreline.kafka.commands.sender import RecordSender

    typer.echo(f"sending {'1 row' if count == 1 else f'{count} rows'} to {topic}", err=True)
    started = clock()
    with noting_interrupts() as interrupted, show_progress(f"to {topic}", count) as advance:
        sender = RecordSender(
            producer_properties(settings),
            topic,
            give_up_seconds=settings.startup_seconds,
            should_stop=interrupted.is_set,
        )
        for sent, (key, value) in enumerate(records):
            if per_second is not None:
                sender.wait(sent / per_second - (clock() - started))
            if interrupted.is_set():
                break
            sender.send(key, value)
            if sent % SHOWN_EVERY == SHOWN_EVERY - 1:
                advance(SHOWN_EVERY)
        try:
            sender.finish()
        finally:
            if interrupted.is_set():
                typer.echo(f"interrupted: {sender.acknowledged} of {count} rows are known to be on {topic}", err=True)
        advance(count % SHOWN_EVERY)
    return clock() - started
