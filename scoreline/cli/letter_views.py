"""Dead letters for people and scripts: the newest in a table, one of them in full."""

import heapq
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import takewhile
from typing import Any

import typer

from scoreline.cli.decoding import RecordDescriber, to_json
from scoreline.cli.interrupts import noting_interrupts
from scoreline.cli.letter_reading import open_letters, reach_kafka, read_markers, read_pages
from scoreline.cli.moments import format_moment
from scoreline.cli.output import print_json, print_table
from scoreline.config.librdkafka import consumer_properties
from scoreline.config.settings import Settings
from scoreline.dead_letters import LETTER_HEADERS
from scoreline.errors import Refused
from scoreline.kafka.commands.range_reader import open_range_reader
from scoreline.records import Record
from scoreline.schemas.configured import open_catalog
from scoreline.schemas.framing import Framing
from scoreline.stream.dead_letter_selection import Letter, LetterSelection, read_letter
from scoreline.stream.redrive import Fate, LetterSorter, RedrivenLetters, RedriveRules


def show_letters(settings: Settings, selection: LetterSelection, *, max_letters: int, as_json: bool) -> None:
    """Print the newest letters that are meant, and how many there are of each reason. From the main thread only.

    Raises:
        ConfigError: there is no such partition.
        DependencyError: the dead-letter topic is missing, or the cluster away or refusing.
        KeyboardInterrupt: Ctrl-C, once the client is released.
    """
    admin = reach_kafka(settings)
    admin.check_topics([settings.dead_letter_topic], read=[settings.dead_letter_topic])
    marked = settings.redriven_topic in admin.describe_topics([settings.redriven_topic])
    with noting_interrupts() as interrupted:
        # Without the topic of the markers nothing was redriven.
        redriven = read_markers(settings, interrupted) if marked else RedrivenLetters()
        rules = RedriveRules(settings.input_topic, settings.redrive_topic)
        sorter = LetterSorter(rules, selection, redriven)
        newest: list[tuple[int, int, int, dict[str, object]]] = []
        with closing(open_letters(settings, selection)) as reader:
            for page in read_pages(reader, "dead letters", interrupted):
                for letter, fate in sorter.sort(page):
                    _keep_newest(newest, letter, fate, max_letters)
    rows = [row for *_, row in sorted(newest, reverse=True, key=lambda kept: kept[:3])]
    reasons = summarize(sorter)
    if as_json:
        print_json({"letters": rows, "reasons": reasons, "unreadable": sorter.unreadable})
        return
    if rows:
        print_table(rows, title="Dead letters, the newest first")
        typer.echo()
    if reasons:
        print_table(reasons, title="By reason")
    else:
        typer.echo(f"no such dead letters are on {settings.dead_letter_topic}")
    tell_unreadable(sorter)


def summarize(sorter: LetterSorter) -> list[dict[str, object]]:
    """How many letters of each reason there are, and what becomes of them; the most frequent reason first."""
    totals: dict[str, int] = {}
    for (reason, _), count in sorter.counts.items():
        totals[reason] = totals.get(reason, 0) + count
    return [
        {"reason": reason, "letters": total, **{fate.value: sorter.counts[reason, fate] for fate in Fate}}
        for reason, total in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    ]


def tell_unreadable(sorter: LetterSorter) -> None:
    """Say how many records of the topic are no dead letters, where there are some."""
    if sorter.unreadable:
        typer.echo(f"{sorter.unreadable} records of the topic are no dead letters of scoreline; `tail` shows them")


def show_letter_at(settings: Settings, partition: int, offset: int, *, as_json: bool) -> None:
    """Print one dead letter in full.

    Raises:
        ConfigError: there is no such partition.
        Refused: nothing is at that offset.
        DependencyError: the dead-letter topic is missing, or the cluster away or refusing.
    """
    topic = settings.dead_letter_topic
    reach_kafka(settings).check_topics([topic], read=[topic])
    described = _describe(settings, _read_one(settings, partition, offset))
    if as_json:
        print_json(described)
        return
    value = described.pop("value")
    rows = [{"field": n, "value": None if item is None else _to_text(item)} for n, item in _flatten(described)]
    print_table(rows, title=f"{topic}[{partition}] at {offset}")
    if value is not None:
        typer.echo(json.dumps(value, ensure_ascii=False, default=str, indent=2))


def _keep_newest(
    newest: list[tuple[int, int, int, dict[str, object]]], letter: Letter, fate: Fate, max_letters: int
) -> None:
    """Add a letter to a heap of so many at most, whose first entry is the oldest."""
    record = letter.record
    place = (letter.written_at_ms, record.partition(), record.offset())
    if len(newest) < max_letters:
        heapq.heappush(newest, (*place, _to_row(letter, fate)))
    elif newest and place > newest[0][:3]:
        heapq.heapreplace(newest, (*place, _to_row(letter, fate)))


def _to_row(letter: Letter, fate: Fate) -> dict[str, object]:
    key = to_json(letter.record.key())
    return {
        "partition": letter.record.partition(),
        "offset": letter.record.offset(),
        "written": format_moment(letter.written_at_ms),
        "reason": letter.reason,
        "attempt": letter.attempt,
        "state": fate.value,
        "source": f"{letter.source} {letter.source_offset}",
        "key": None if key is None else _to_text(key),
        "detail": letter.detail,
    }


def _read_one(settings: Settings, partition: int, offset: int) -> Record:
    topic = settings.dead_letter_topic
    with noting_interrupts() as interrupted:
        reader = open_range_reader(
            consumer_properties(settings),
            topic,
            quiet_seconds=settings.startup_seconds,
            partitions=[partition],
            from_offset=offset,
        )
        with closing(reader):
            extent = reader.extents[partition]
            pages = takewhile(lambda _: not interrupted.is_set(), reader.pages())
            found = next((page[0] for page in pages if page), None)
    if found is None or found.offset() != offset:
        kept = f"it has {extent.low} to {extent.end - 1}" if extent.low < extent.end else "it is empty"
        raise Refused(f"{topic}[{partition}] has no record at the offset {offset}: {kept}")
    return found


def _describe(settings: Settings, record: Record) -> dict[str, Any]:
    described = RecordDescriber(open_catalog(settings), Framing(settings.input_format)).describe(record)
    if described.pop("value_base64", None) is not None:
        described["value_hex"] = (record.value() or b"").hex()
    letter = read_letter(record)
    if letter is None:
        return described
    headers = [[name, value] for name, value in described["headers"] if name not in LETTER_HEADERS]
    place = {name: described.pop(name) for name in ("topic", "partition", "offset", "timestamp")}
    failure = {
        "reason": letter.reason,
        "detail": letter.detail,
        "version": letter.version,
        "attempt": letter.attempt,
        "failed_at": _format_some(letter.failed_at_ms),
        "source_topic": letter.source.topic,
        "source_partition": letter.source.partition,
        "source_offset": letter.source_offset,
        "source_timestamp": _format_some(letter.source_timestamp_ms),
    }
    return {**place, **failure, **described, "headers": headers}


def _format_some(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else format_moment(milliseconds)


def _flatten(described: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, item in described.items():
        if name == "headers":
            yield from ((f"header {header}", value) for header, value in item)
        else:
            yield name, item


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
