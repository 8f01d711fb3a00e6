"""Event times in milliseconds, and which of them a consumer can read back: the same that Python's calendar has."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.records import Record
from scoreline.schemas.checks import make_pick
from scoreline.schemas.logical import BOUNDS, scale_to_ms
from scoreline.schemas.places import Place

FIRST_MS, LAST_MS = BOUNDS["timestamp-millis"]
NO_TIME_MS = -(2**63)
"""Stands for the timestamp of a record that has none."""

Times = npt.NDArray[np.int64]
_SMALLER_UNITS = (("microseconds", 1_000), ("nanoseconds", 1_000_000))


def read_kafka_times(records: Sequence[Record]) -> Times:
    """Kafka's timestamp of each record, milliseconds since the epoch, or `NO_TIME_MS`; shape (records,)."""
    times = [at if kind else NO_TIME_MS for record in records for kind, at in (record.timestamp(),)]
    return np.array(times, dtype=np.int64)


def make_time_reader(place: Place) -> Callable[[dict[str, Any]], int | None]:
    """What takes the event time from a record as fastavro gives it, in milliseconds."""
    pick = make_pick(place.path)
    multiplier, divisor = next((scale_to_ms(leaf.logical) or (1, 1) for leaf in place.leaves), (1, 1))

    def read_time(record: dict[str, Any]) -> int | None:
        stored = pick(record)
        return None if stored is None else stored * multiplier // divisor

    return read_time


def describe_unreadable(time_ms: int) -> str:
    """What is wrong with an event time outside of `FIRST_MS` and `LAST_MS`, and the unit that it seems to be in."""
    end = "beyond the year 9999" if time_ms > LAST_MS else "before the year 1"
    unit = next((name for name, per_ms in _SMALLER_UNITS if FIRST_MS <= time_ms // per_ms <= LAST_MS), None)
    return f"event time {time_ms} ms is {end}" + (f"; is it in {unit}?" if unit else "")
