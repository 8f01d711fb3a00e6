"""What `scoreline dead-letters redrive` does: letters are read, judged and written again."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import typer

from scoreline.cli.interrupts import noting_interrupts
from scoreline.cli.letter_reading import open_letters, reach_kafka, read_markers, read_pages
from scoreline.cli.letter_views import summarize, tell_unreadable
from scoreline.cli.output import print_json, print_table
from scoreline.config.librdkafka import producer_properties
from scoreline.config.settings import Settings
from scoreline.kafka.commands.range_reader import RangeReader
from scoreline.kafka.commands.transactional_sender import open_transactional_sender
from scoreline.records import Clock
from scoreline.stream.dead_letter_selection import LetterSelection
from scoreline.stream.redrive import (
    TRANSACTION_RECORDS,
    Destination,
    Fate,
    LetterSorter,
    Redrive,
    RedrivenLetters,
    RedriveRules,
    bound_by_rate,
)


@dataclass(frozen=True, slots=True)
class RedriveWish:
    """What someone asked for.

    Attributes:
        per_second: None for as fast as it goes.
    """

    selection: LetterSelection
    max_attempts: int
    per_second: float | None = None
    to_source: bool = False


def redrive(settings: Settings, wish: RedriveWish, *, dry_run: bool, as_json: bool) -> None:
    """Redrive what is due, and print what was done. From the main thread only.

    Two redrives of one dead-letter topic have the same transactional id, so that the later one stops the earlier: each
    judges by the markers that it has read, and would not see the other's.

    Raises:
        ConfigError: there is no such partition.
        DependencyError: a topic is missing, or the cluster away or refusing.
        DeliveryError: a record was refused; the transactions before it stay.
        FatalClientError: another redrive has taken over.
        KeyboardInterrupt: Ctrl-C, once the transaction in hand is finished.
    """
    destination = _find_destination(settings, to_source=wish.to_source)
    with noting_interrupts() as interrupted, closing(open_letters(settings, wish.selection)) as reader:
        started = time.monotonic()
        if dry_run:
            written, sorter = 0, _make_sorter(settings, wish, read_markers(settings, interrupted))
            for page in read_pages(reader, "dead letters", interrupted):
                for _ in sorter.sort(page):
                    pass
        else:
            written, sorter = _redrive_read(settings, wish, destination, reader, interrupted)
        seconds = time.monotonic() - started
    rows = summarize(sorter)
    if as_json:
        print_json(
            {
                "topic": destination.topic,
                "dry_run": dry_run,
                "redriven": written,
                "reasons": rows,
                "unreadable": sorter.unreadable,
                "seconds": round(seconds, 3),
            }
        )
        return
    if rows:
        print_table(rows, title="Dead letters by reason, as they were found")
    tell_unreadable(sorter)
    _tell_left(sorter, wish)
    due = sorter.total(Fate.DUE)
    typer.echo(
        f"{_count(due)} would be redriven to {destination.topic}"
        if dry_run
        else f"{_count(written)} redriven to {destination.topic} in {seconds:.1f} s"
    )


def _find_destination(settings: Settings, *, to_source: bool) -> Destination:
    """The topics that are written to, all of which have to be there.

    Raises:
        DependencyError: one is missing or not permitted, or the cluster away or refusing.
    """
    target = settings.input_topic if to_source else settings.redrive_topic
    names = [settings.dead_letter_topic, settings.redriven_topic, target]
    found = reach_kafka(settings).check_topics(names, read=names[:2], written=names[1:])
    return Destination(
        target, found[target].partitions, settings.redriven_topic, found[settings.redriven_topic].partitions
    )


def _make_sorter(settings: Settings, wish: RedriveWish, redriven: RedrivenLetters) -> LetterSorter:
    rules = RedriveRules(settings.input_topic, settings.redrive_topic, wish.max_attempts)
    return LetterSorter(rules, wish.selection, redriven)


def _redrive_read(
    settings: Settings, wish: RedriveWish, destination: Destination, reader: RangeReader, interrupted: threading.Event
) -> tuple[int, LetterSorter]:
    """Write what is due of everything that a reader gives; how much that was, and how all of it was judged."""
    sender = open_transactional_sender(
        producer_properties(settings),
        f"{settings.dead_letter_topic}-redrive",
        give_up_seconds=settings.startup_seconds,
    )
    with closing(sender):
        # Ahead of the markers: from here on nobody else adds to them, and what was left half done is rolled back.
        sender.take_over()
        redriven = read_markers(settings, interrupted)
        sorter = _make_sorter(settings, wish, redriven)
        redrive = Redrive(
            destination,
            send_together=sender.send_together,
            may_go_on=make_pace(wish.per_second, interrupted),
            max_records=bound_by_rate(wish.per_second),
        )
        finished = False
        try:
            for page in read_pages(reader, f"to {destination.topic}", interrupted):
                for letter, fate in sorter.sort(page):
                    if fate is Fate.DUE:
                        redrive.take(letter)
            redrive.finish()
            lows = {partition: extent.low for partition, extent in reader.extents.items()}
            outlived = redriven.find_outlived(settings.dead_letter_topic, lows)
            for start in range(0, len(outlived), TRANSACTION_RECORDS):
                if not interrupted.is_set():
                    sender.send_together(outlived[start : start + TRANSACTION_RECORDS])
            finished = not interrupted.is_set()
        finally:
            if not finished:
                told = f"ended early: {_count(redrive.written)} redriven to {destination.topic}; the rest is still due"
                typer.echo(told, err=True)
    return redrive.written, sorter


def make_pace(
    per_second: float | None, interrupted: threading.Event, clock: Clock = time.monotonic
) -> Callable[[int], bool]:
    """What waits before a transaction until a rate allows it, given what was written; false once interrupted."""
    started = clock()

    def may_go_on(written: int) -> bool:
        if per_second is not None:
            interrupted.wait(max(0.0, started + written / per_second - clock()))
        return not interrupted.is_set()

    return may_go_on


def _tell_left(sorter: LetterSorter, wish: RedriveWish) -> None:
    if exhausted := sorter.total(Fate.EXHAUSTED):
        typer.echo(f"{_count(exhausted)} left: tried {wish.max_attempts} times or more (--max-attempts)")
    if foreign := sorter.total(Fate.FOREIGN):
        typer.echo(f"{_count(foreign)} left: not from our input, but another deployment's; redrive with its settings")


def _count(letters: int) -> str:
    return "1 letter" if letters == 1 else f"{letters} letters"
