"""Has dead letters scored again: which are due, what is written for each, and what belongs into one transaction.

Every letter is written together with a marker of it, so a letter whose marker is there is never written again, and one
whose marker is missing never was.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from scoreline.dead_letters import redrive_headers
from scoreline.records import Record
from scoreline.stream.dead_letter_selection import Letter, LetterSelection, read_letter
from scoreline.transport.record import StoredRecord

MAX_ATTEMPTS = 5
TRANSACTION_RECORDS = 500
TRANSACTION_BYTES = 8 * 1024 * 1024

_TIMESTAMP_FIELD = "letter_timestamp_ms"


class Fate(StrEnum):
    """What becomes of a dead letter that was selected."""

    DUE = "due"
    REDRIVEN = "redriven"
    EXHAUSTED = "exhausted"
    FOREIGN = "foreign"


class RedrivenLetters:
    """Which dead letters were redriven, by the markers that were noted."""

    def __init__(self) -> None:
        self._markers: dict[bytes, _Marker] = {}

    def __len__(self) -> int:
        return len(self._markers)

    def note(self, marker: Record) -> None:
        """Take note of a marker, in offset order; one without a value takes an earlier one back."""
        key, value = marker.key(), marker.value()
        if key is None:
            return
        if value is None:
            self._markers.pop(key, None)
        else:
            self._markers[key] = _Marker(marker.topic(), marker.partition(), _read_timestamp(value))

    def __contains__(self, letter: Letter) -> bool:
        marker = self._markers.get(marker_key(letter))
        # A dead-letter topic that was deleted and made anew has other letters at the same offsets.
        return marker is not None and marker.letter_timestamp_ms in (None, letter.written_at_ms)

    def find_outlived(self, topic: str, lows: Mapping[int, int]) -> list[StoredRecord]:
        """What takes back the markers of letters that are gone, so that there are never more markers than letters.

        Args:
            topic: of the dead letters.
            lows: by partition of it, the oldest offset that is kept.
        """
        found = []
        for key, marker in self._markers.items():
            owner, _, place = key.decode("utf-8", "replace").rpartition(f"{topic}-")
            partition, _, offset = place.partition("-")
            if owner or not (partition.isdigit() and offset.isdigit()):
                continue
            if int(offset) < lows.get(int(partition), 0):
                found.append(StoredRecord(marker.topic, marker.partition, key_=key, value_=None))
        return found


class _Marker(NamedTuple):
    """Where a marker lies, and when its letter was written; None where someone wrote it by hand."""

    topic: str
    partition: int
    letter_timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class RedriveRules:
    """What is redriven.

    Attributes:
        max_attempts: a letter that was tried so often is left.
    """

    input_topic: str
    redrive_topic: str
    max_attempts: int = MAX_ATTEMPTS

    def judge(self, letter: Letter, redriven: RedrivenLetters) -> Fate:
        """What becomes of a letter.

        One whose source is neither our input nor our redrive topic is another deployment's, with another model.
        """
        if letter in redriven:
            return Fate.REDRIVEN
        if letter.source.topic not in (self.input_topic, self.redrive_topic):
            return Fate.FOREIGN
        return Fate.EXHAUSTED if letter.attempt >= self.max_attempts else Fate.DUE


class LetterSorter:
    """Finds the letters that are meant among the records of the dead-letter topic, with the fate of each.

    Attributes:
        counts: how many letters of a reason met a fate, by (reason, fate).
        unreadable: records that scoreline did not write; no selection applies to them.
    """

    def __init__(self, rules: RedriveRules, selection: LetterSelection, redriven: RedrivenLetters) -> None:
        self.counts: Counter[tuple[str, Fate]] = Counter()
        self.unreadable = 0
        self._rules = rules
        self._selection = selection
        self._redriven = redriven

    def sort(self, records: Sequence[Record]) -> Iterator[tuple[Letter, Fate]]:
        """The letters that are meant, in the records' order; each counts once it is taken."""
        for record in records:
            letter = read_letter(record)
            if letter is None:
                self.unreadable += 1
            elif self._selection.matches(letter):
                fate = self._rules.judge(letter, self._redriven)
                self.counts[letter.reason, fate] += 1
                yield letter, fate

    def total(self, fate: Fate) -> int:
        """How many letters met a fate."""
        return sum(count for (_, met), count in self.counts.items() if met is fate)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where letters are redriven to, and where that is noted.

    Attributes:
        partitions: of the topic, at least 1.
        marker_partitions: of the topic of the markers, at least 1.
    """

    topic: str
    partitions: int
    marker_topic: str
    marker_partitions: int

    def address(self, letter: Letter) -> tuple[StoredRecord, StoredRecord]:
        """The record that is scored again, on the partition that it came from, and the marker of its letter."""
        record = letter.record
        partition = letter.source.partition % self.partitions
        again = StoredRecord(
            self.topic, partition, key_=record.key(), value_=record.value(), headers_=redrive_headers(record)
        )
        told = {
            _TIMESTAMP_FIELD: letter.written_at_ms,
            "topic": self.topic,
            "partition": partition,
            "attempt": letter.attempt,
        }
        marker = StoredRecord(
            self.marker_topic,
            record.partition() % self.marker_partitions,
            key_=marker_key(letter),
            value_=json.dumps(told).encode(),
        )
        return again, marker


class Redrive:
    """Takes letters in offset order, and writes them and their markers, a transaction at a time.

    Args:
        send_together: writes all of the records, or none; waits until they are there.
        may_go_on: asked before every transaction with the number of letters written so far; waits as long as a rate
            wants it.
        max_records: letters of one transaction, at least 1.
        max_bytes: of their keys and values; a single letter may be larger.

    Attributes:
        written: letters written so far.
        stopped: whether `may_go_on` said no: from then on nothing is taken.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        send_together: Callable[[Sequence[StoredRecord]], None],
        may_go_on: Callable[[int], bool],
        max_records: int = TRANSACTION_RECORDS,
        max_bytes: int = TRANSACTION_BYTES,
    ) -> None:
        self.written = 0
        self.stopped = False
        self._destination = destination
        self._send_together = send_together
        self._may_go_on = may_go_on
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._held: list[Letter] = []
        self._held_bytes = 0

    def take(self, letter: Letter) -> None:
        """Hold a letter that is due, and write what is held where that is enough for a transaction."""
        size = len(letter.record.key() or b"") + len(letter.record.value() or b"")
        if self._held and self._held_bytes + size > self._max_bytes:
            self.finish()
        if self.stopped:
            return
        self._held.append(letter)
        self._held_bytes += size
        if len(self._held) >= self._max_records:
            self.finish()

    def finish(self) -> None:
        """Write what is held."""
        if not self._held or self.stopped:
            return
        if not self._may_go_on(self.written):
            self.stopped = True
            return
        self._send_together([record for letter in self._held for record in self._destination.address(letter)])
        self.written += len(self._held)
        self._held.clear()
        self._held_bytes = 0


def bound_by_rate(per_second: float | None) -> int:
    """How many letters a transaction may have, so that it is not held open for longer than a second."""
    return TRANSACTION_RECORDS if per_second is None else max(1, min(TRANSACTION_RECORDS, int(per_second)))


def marker_key(letter: Letter) -> bytes:
    """What a letter's marker is found by: where the letter lies."""
    record = letter.record
    return f"{record.topic()}-{record.partition()}-{record.offset()}".encode()


def _read_timestamp(value: bytes) -> int | None:
    """When the letter of a marker was written; None where someone wrote the marker by hand and does not say."""
    try:
        found = json.loads(value)
    except ValueError:
        return None
    told = found.get(_TIMESTAMP_FIELD) if isinstance(found, dict) else None
    return told if isinstance(told, int) else None
