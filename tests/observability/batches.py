"""Builders of finished batches and answered requests."""

from collections.abc import Mapping, Sequence

import numpy as np

from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.observability.events import BatchScored, RequestServed
from scoreline.records import DeadLetter, Reason, find_last_records
from scoreline.scoring import Part, Scored
from scoreline.testing.fakes import WeightedSum
from scoreline.transport.record import StoredRecord

FINISHED_AT_MS = 1_700_000_000_000
STAGES = {"poll": 0.001, "decode": 0.002, "predict": 0.004, "encode": 0.001, "publish": 0.008, "commit": 0.0001}


class Ticking:
    """A clock that stands still until it is set."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_version(number: int = 3) -> ModelVersion:
    return ModelVersion("flights", number, f"{number:064x}", WeightedSum([Feature("x")], [1.0]))


def make_records(n: int, *, topic: str = "features", age_ms: int = 20, first_offset: int = 0) -> list[StoredRecord]:
    stamp = FINISHED_AT_MS - age_ms
    return [StoredRecord(topic, 0, first_offset + i, value_=b"x", timestamp_ms=stamp) for i in range(n)]


def make_letter(
    record: StoredRecord, reason: Reason = Reason.UNDECODABLE, detail: str = "temp is 'secret'"
) -> DeadLetter:
    return DeadLetter(record, reason, detail, 3)


def make_batch(
    records: Sequence[StoredRecord],
    *,
    positions: Mapping[int, Sequence[int]] | None = None,
    infinite: Sequence[int] = (),
    dead_letters: Sequence[DeadLetter] = (),
    skipped: int = 0,
    stage_seconds: Mapping[str, float] = STAGES,
) -> BatchScored:
    """A batch whose rows are scored by version 3, unless `positions` says which version scored which.

    Args:
        infinite: rows of the first part whose output is not finite.
    """
    by_version = {3: range(len(records))} if positions is None else positions
    parts, scored = [], []
    for number, rows in by_version.items():
        n = len(rows)
        parts.append(
            Part(make_version(number), np.array(rows, dtype=np.intp), np.zeros((n, 1)), np.zeros(1, int), None, None)
        )
        bad = np.array(infinite if not scored else (), dtype=np.intp)
        scored.append(Scored(np.zeros(n), bad))
    return BatchScored(
        records, find_last_records(records), parts, scored, dead_letters, skipped, stage_seconds, FINISHED_AT_MS
    )


def make_request(
    *,
    route: str = "/predict",
    status: int = 200,
    seconds: float = 0.002,
    instances: int = 1,
    version: int | None = 3,
) -> RequestServed:
    return RequestServed(route, "POST", status, seconds, "request-1", instances, version)
