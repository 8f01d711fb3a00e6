"""Reads dead letters, and the markers of those that were redriven, for the commands."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

from scoreline.cli.output import show_progress
from scoreline.config.librdkafka import admin_properties, consumer_properties
from scoreline.config.settings import Settings
from scoreline.kafka.cluster.admin import KafkaAdmin, open_admin
from scoreline.kafka.commands.range_reader import RangeReader, open_range_reader
from scoreline.records import Record
from scoreline.stream.dead_letter_selection import LetterSelection
from scoreline.stream.redrive import RedrivenLetters


def reach_kafka(settings: Settings) -> KafkaAdmin:
    """An admin of a cluster that answers.

    Raises:
        DependencyError: it is away or refuses.
    """
    admin = open_admin(admin_properties(settings))
    admin.reach(settings.startup_seconds, lambda: False)
    return admin


def open_letters(settings: Settings, selection: LetterSelection) -> RangeReader:
    """A reader of the partitions and the time that are meant.

    Raises:
        ConfigError: there is no such partition.
        DependencyError: the cluster is away or refuses.
    """
    return open_range_reader(
        consumer_properties(settings),
        settings.dead_letter_topic,
        quiet_seconds=settings.startup_seconds,
        partitions=selection.partitions or None,
        since_ms=selection.since_ms,
    )


def read_markers(settings: Settings, interrupted: threading.Event) -> RedrivenLetters:
    """What was redriven so far.

    Raises:
        DependencyError: the cluster is away or refuses.
    """
    redriven = RedrivenLetters()
    reader = open_range_reader(
        consumer_properties(settings), settings.redriven_topic, quiet_seconds=settings.startup_seconds
    )
    with closing(reader):
        for page in read_pages(reader, "markers", interrupted):
            for marker in page:
                redriven.note(marker)
    return redriven


def read_pages(reader: RangeReader, what: str, interrupted: threading.Event) -> Iterator[Sequence[Record]]:
    """Everything that a reader gives, with its progress for people; ends early once interrupted."""
    left = reader.unread
    if not left:
        return
    with show_progress(what, left) as advance:
        for page in reader.pages():
            if interrupted.is_set():
                return
            yield page
            advance(left - reader.unread)
            left = reader.unread
