"""`scoreline tail`: what is on a topic, decoded, one JSON object a line."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.interrupts import noting_interrupts
from scoreline.cli.output import print_json

if TYPE_CHECKING:
    from scoreline.config.settings import Settings

READ_AT_ONCE = 500
WAIT_SECONDS = 0.2


def tail(
    topic: Annotated[str | None, typer.Argument(help="[default: the output topic]", show_default=False)] = None,
    *,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="What is there already, too.")] = False,
    max_records: Annotated[
        int | None, typer.Option("--max", min=1, help="End after so many records [default: until Ctrl-C].")
    ] = None,
) -> None:
    """Show predictions, dead letters or any other records as they come.

    Example: scoreline tail features.dead-letters --from-beginning --max 10
    """
    from scoreline.config.roles import Role
    from scoreline.config.settings import load_settings

    settings = load_settings([Role.STREAM])
    show_records(settings, topic or settings.output_topic, from_beginning=from_beginning, max_records=max_records)


def show_records(settings: "Settings", topic: str, *, from_beginning: bool, max_records: int | None) -> None:
    """Print records until there were enough; without end where that is None. From the main thread only.

    Raises:
        DependencyError: the topic is missing, or the broker away or refusing.
        KeyboardInterrupt: Ctrl-C, once the client is released.
    """
    from scoreline.cli.decoding import RecordDescriber
    from scoreline.config.librdkafka import admin_properties, consumer_properties
    from scoreline.kafka.cluster.admin import open_admin
    from scoreline.kafka.commands.reader import open_reader
    from scoreline.schemas.configured import open_catalog
    from scoreline.schemas.framing import Framing

    describer = RecordDescriber(open_catalog(settings), Framing(settings.input_format))
    open_admin(admin_properties(settings)).reach(settings.startup_seconds, lambda: False)
    reader = open_reader(consumer_properties(settings), topic, from_beginning=from_beginning)
    shown = 0
    with noting_interrupts() as interrupted, closing(reader):
        while not interrupted.is_set() and (max_records is None or shown < max_records):
            left = READ_AT_ONCE if max_records is None else min(READ_AT_ONCE, max_records - shown)
            for record in reader.read(left, WAIT_SECONDS):
                print_json(describer.describe(record))
                shown += 1
