"""Decode → predict → encode, for batches of records."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from scoreline.features import ValueProblem
from scoreline.models.model import ModelVersion, Versions
from scoreline.records import DeadLetter, Outputs, Reason, Record
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.predictions import PredictionEncoder, Source
from scoreline.scoring.batch import Batch, Part, Tombstones
from scoreline.scoring.grouping import group_by_version
from scoreline.scoring.score import Scored, score

T = TypeVar("T")


class ScoringPath:
    """Decodes, scores and encodes records. One instance may be used by one thread at a time."""

    def __init__(
        self,
        versions: Versions,
        decoder: PayloadDecoder,
        encoder: PredictionEncoder,
        *,
        wall_clock: Callable[[], float],
        tombstones: Tombstones = Tombstones.DEAD_LETTER,
    ) -> None:
        self._versions = versions
        self._decoder = decoder
        self._encoder = encoder
        self._wall_clock = wall_clock
        self._tombstones = tombstones

    def decode(self, records: Sequence[Record]) -> Batch:
        """Sort records by the version they are for, and turn each group into a settled matrix.

        Raises:
            Unavailable: the schema registry or the model store is away.
            ModelError: there is no live model to score unpinned records with.
        """
        dead: list[tuple[int, DeadLetter]] = []
        parts: list[Part] = []
        groups = group_by_version(records, self._versions)
        dead.extend((i, DeadLetter(records[i], Reason.UNKNOWN_VERSION, detail)) for i, detail in groups.unknown)
        detail = "the name of a header is not UTF-8; the headers cannot be carried over"
        dead.extend((i, DeadLetter(records[i], Reason.UNDECODABLE, detail)) for i in groups.unreadable)
        for version, positions in groups.by_version:
            parts.append(self._decode_part(records, version, positions, dead))
        tombstones = groups.tombstones
        skipped: int = 0
        forwarded: Sequence[int] = ()
        if tombstones:
            if self._tombstones is Tombstones.SKIP:
                skipped = len(tombstones)
            elif self._tombstones is Tombstones.FORWARD:
                forwarded = tombstones
            else:
                detail = "the record has no value"
                dead.extend((i, DeadLetter(records[i], Reason.TOMBSTONE, detail)) for i in tombstones)
        dead.sort(key=lambda entry: entry[0])
        return Batch(records, parts, [letter for _, letter in dead], skipped, forwarded)

    def predict(self, batch: Batch) -> list[Scored]:
        """Score every part of a batch, in the order of its parts."""
        return [score(part.version, part.features) for part in batch.parts]

    def encode(self, batch: Batch, scored: Sequence[Scored]) -> tuple[Outputs, list[DeadLetter]]:
        """Encode what was scored, merged into input order, and add rows that turned out to have no finite output.

        Returns:
            The outputs, and all dead letters of the batch, both in input order.
        """
        scored_at_ms = int(self._wall_clock() * 1000)
        dead_letters = list(batch.dead_letters)
        pieces: list[tuple[Sequence[int], list[Record], Sequence[bytes | None], int]] = []
        for part, result in zip(batch.parts, scored, strict=True):
            pieces.append(self._encode_part(batch.records, part, result, scored_at_ms, dead_letters))
        if len(dead_letters) > len(batch.dead_letters):
            position = {id(record): i for i, record in enumerate(batch.records)}
            dead_letters.sort(key=lambda letter: position[id(letter.record)])
        if batch.forwarded:
            tombstones = [batch.records[i] for i in batch.forwarded]
            pieces.append((batch.forwarded, tombstones, [None] * len(tombstones), 0))
        name = batch.parts[0].version.name if batch.parts else ""
        if len(pieces) == 1:
            _, kept, values, version = pieces[0]
            return Outputs(kept, values, name, version), dead_letters
        merged = sorted(
            ((i, r, v, version) for p, rs, vs, version in pieces for i, r, v in zip(p, rs, vs, strict=True)),
            key=lambda entry: entry[0],
        )
        outputs = Outputs([m[1] for m in merged], [m[2] for m in merged], name, [m[3] for m in merged])
        return outputs, dead_letters

    def _decode_part(
        self,
        records: Sequence[Record],
        version: ModelVersion,
        positions: npt.NDArray[np.intp],
        dead: list[tuple[int, DeadLetter]],
    ) -> Part:
        features = version.model.features
        decoded = self._decoder.decode([records[i].value() for i in positions.tolist()], features)
        number = version.version
        dead.extend(
            (int(positions[row]), DeadLetter(records[positions[row]], reason, detail, number))
            for row, reason, detail in decoded.rejected
        )
        settled = features.settle(decoded.features)
        if not settled.problems:
            return Part(
                version,
                positions[decoded.rows],
                decoded.features,
                settled.unseen,
                decoded.ids,
                decoded.event_times_ms,
            )
        first: dict[int, ValueProblem] = {}
        for problem in settled.problems:
            first.setdefault(problem.row, problem)
        for row, problem in first.items():
            i = int(positions[decoded.rows[row]])
            dead.append((i, DeadLetter(records[i], problem.reason, problem.detail, number)))
        good = np.setdiff1d(np.arange(len(decoded.rows)), list(first))
        return Part(
            version,
            positions[decoded.rows[good]],
            np.ascontiguousarray(decoded.features[good]),
            settled.unseen,
            _take(decoded.ids, good),
            _take(decoded.event_times_ms, good),
        )

    def _encode_part(
        self,
        records: Sequence[Record],
        part: Part,
        result: Scored,
        scored_at_ms: int,
        dead_letters: list[DeadLetter],
    ) -> tuple[list[int], list[Record], list[bytes], int]:
        scores, positions, ids, times = result.scores, part.positions, part.ids, part.event_times_ms
        if len(result.infinite):
            for row in result.infinite:
                record = records[positions[row]]
                detail = f"the model's output is {scores[row].tolist()}, not a finite number"
                dead_letters.append(DeadLetter(record, Reason.INVALID_VALUE, detail, part.version.version))
            good = np.setdiff1d(np.arange(len(scores)), result.infinite)
            scores, positions = scores[good], positions[good]
            ids, times = _take(ids, good), _take(times, good)
        at = positions.tolist()
        kept = [records[i] for i in at]
        source = Source(kept, ids, times)
        values = self._encoder.encode(
            source,
            scores,
            model=part.version.name,
            version=part.version.version,
            classes=part.version.model.classes,
            scored_at_ms=scored_at_ms,
        )
        return at, kept, values, part.version.version


def _take(values: Sequence[T] | None, rows: npt.NDArray[np.intp]) -> list[T] | None:
    return None if values is None else [values[i] for i in rows]
