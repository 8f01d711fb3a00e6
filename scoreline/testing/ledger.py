"""Keeps book of what came out under running numbers: what was lost, what came twice, what came out of order."""

from array import array
from dataclasses import dataclass

from scoreline.records import TopicPartition

NAMED_AT_MOST = 20
NOT_SEEN = -1


@dataclass(frozen=True, slots=True)
class Repeat:
    """A record that came again.

    Attributes:
        partition: where this copy lies.
        first_offset, offset: of the first copy, on whatever partition that was, and of this one.
    """

    number: int
    partition: TopicPartition
    first_offset: int
    offset: int

    def __str__(self) -> str:
        where = f"{self.partition.topic}[{self.partition.partition}]"
        return f"{self.number} at {where} {self.first_offset} and {self.offset}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What became of records 0 to `sent` - 1.

    Attributes:
        lost: numbers that never came, in ascending order.
        repeats: copies beyond the first one of each record.
        named_repeats: the first of them.
        disordered: first copies that came after a higher number of their own partition.
        named_disordered: the first of them.
    """

    sent: int
    lost: tuple[int, ...]
    repeats: int
    named_repeats: tuple[Repeat, ...]
    disordered: int
    named_disordered: tuple[int, ...]


class Ledger:
    """Accounts by running number; takes every copy in the order of its partition."""

    def __init__(self) -> None:
        self._first_offsets = array("q")
        self._highest: dict[TopicPartition, int] = {}
        self._repeats = 0
        self._named_repeats: list[Repeat] = []
        self._disordered = 0
        self._named_disordered: list[int] = []
        self.different = 0

    @property
    def copies(self) -> int:
        """How many were noted."""
        return self.different + self._repeats

    def note(self, number: int, partition: TopicPartition, offset: int) -> None:
        """One copy has come.

        Raises:
            ValueError: a number under 0.
        """
        if number < 0:
            raise ValueError(f"a running number has to be at least 0, but is {number}")
        firsts = self._first_offsets
        if number >= len(firsts):
            firsts.extend([NOT_SEEN] * (number + 1 - len(firsts)))
        if firsts[number] != NOT_SEEN:
            self._repeats += 1
            if len(self._named_repeats) < NAMED_AT_MOST:
                self._named_repeats.append(Repeat(number, partition, firsts[number], offset))
            return
        firsts[number] = offset
        self.different += 1
        if number < self._highest.get(partition, NOT_SEEN):
            self._disordered += 1
            if len(self._named_disordered) < NAMED_AT_MOST:
                self._named_disordered.append(number)
        else:
            self._highest[partition] = number

    def settle(self, sent: int) -> Findings:
        """What became of records 0 to `sent` - 1.

        Raises:
            ValueError: a record came that was never sent.
        """
        firsts = self._first_offsets
        if len(firsts) > sent:
            raise ValueError(f"{sent} records were sent, but number {len(firsts) - 1} has come")
        lost = [number for number, offset in enumerate(firsts) if offset == NOT_SEEN]
        return Findings(
            sent=sent,
            lost=(*lost, *range(len(firsts), sent)),
            repeats=self._repeats,
            named_repeats=tuple(self._named_repeats),
            disordered=self._disordered,
            named_disordered=tuple(self._named_disordered),
        )
