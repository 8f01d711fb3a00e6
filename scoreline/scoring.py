"""The one scoring path: decode → predict → encode, on batches, without I/O. Stream, sidecar and jobs all end here."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelNotFound, ModelRejected
from scoreline.features import FEW_ROWS, Matrix, ValueProblem
from scoreline.models.model import ModelVersion, Scores, Versions
from scoreline.records import PIN_HEADER, DeadLetter, Outputs, Reason, Record, find_header
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.predictions import PredictionEncoder, Source

T = TypeVar("T")


class Tombstones(StrEnum):
    """What becomes of a record without a value."""

    DEAD_LETTER = "dead-letter"
    SKIP = "skip"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a batch that one version scores.

    Attributes:
        positions: of the rows in the batch, ascending; shape (rows,).
        features: settled; shape (rows, features).
        unseen: levels never seen in training, by feature; shape (features,).
    """

    version: ModelVersion
    positions: npt.NDArray[np.intp]
    features: Matrix
    unseen: npt.NDArray[np.int64]
    ids: Sequence[bytes | None] | None
    event_times_ms: Sequence[int | None] | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll gave, decoded: every record is in exactly one of parts, dead letters, skipped and forwarded.

    Attributes:
        dead_letters: in input order.
        skipped: how many tombstones nobody will hear of.
        forwarded: positions of tombstones that go on to the output topic.
    """

    records: Sequence[Record]
    parts: Sequence[Part]
    dead_letters: Sequence[DeadLetter]
    skipped: int = 0
    forwarded: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """What scoring a settled matrix gave.

    Attributes:
        scores: of all rows, also of those that are not finite.
        infinite: positions of rows whose output is not a finite number; usually empty.
    """

    scores: Scores
    infinite: npt.NDArray[np.intp]


_NOWHERE: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)


def score(version: ModelVersion, features: Matrix) -> Scored:
    """Score settled rows and find those whose output may not go out.

    Raises:
        ModelRejected: the model broke its promise of one score (or one per class) a row.
    """
    scores = version.model.predict(features)
    classes = version.model.classes
    expected = (len(features),) if classes is None else (len(features), len(classes))
    if scores.shape != expected:
        raise ModelRejected(
            f"{version.name} {version.version} gave scores of shape {scores.shape} instead of {expected}"
        )
    # Plain comparisons for a few values, as in `FeatureSet.settle`.
    if scores.size <= FEW_ROWS and all(map(math.isfinite, scores.ravel().tolist())):
        return Scored(scores, _NOWHERE)
    finite = np.isfinite(scores) if scores.ndim == 1 else np.isfinite(scores).all(axis=1)
    return Scored(scores, np.flatnonzero(~finite))


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
        groups, tombstones = self._group(records, dead)
        for version, positions in groups:
            parts.append(self._decode_part(records, version, positions, dead))
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
            positions, encoded = self._encode_part(batch.records, part, result, scored_at_ms, dead_letters)
            pieces.append((positions, [batch.records[i] for i in positions], encoded, part.version.version))
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

    def _group(
        self, records: Sequence[Record], dead: list[tuple[int, DeadLetter]]
    ) -> tuple[list[tuple[ModelVersion, list[int]]], list[int]]:
        """Positions by resolved version, and those of tombstones; unknown versions become dead letters."""
        by_selector: defaultdict[bytes | None, list[int]] = defaultdict(list)
        tombstones: list[int] = []
        for i, record in enumerate(records):
            if record.value() is None:
                tombstones.append(i)
            elif record.headers():
                by_selector[find_header(record, PIN_HEADER)].append(i)
            else:
                by_selector[None].append(i)
        by_version: dict[int, tuple[ModelVersion, list[int]]] = {}
        for selector, positions in by_selector.items():
            version = self._resolve(selector, [records[i] for i in positions], positions, dead)
            if version is not None:
                by_version.setdefault(version.version, (version, []))[1].extend(positions)
        for _, positions in by_version.values():
            positions.sort()
        return list(by_version.values()), tombstones

    def _resolve(
        self,
        selector: bytes | None,
        records: Sequence[Record],
        positions: Sequence[int],
        dead: list[tuple[int, DeadLetter]],
    ) -> ModelVersion | None:
        if selector is None:
            return self._versions.resolve(None)
        text = selector.decode("utf-8", "replace")
        try:
            return self._versions.resolve(text)
        except (ModelNotFound, ModelRejected) as error:
            detail = f"{PIN_HEADER}: {text!r}: {error}"
            dead.extend(
                (i, DeadLetter(record, Reason.UNKNOWN_VERSION, detail))
                for i, record in zip(positions, records, strict=True)
            )
            return None

    def _decode_part(
        self,
        records: Sequence[Record],
        version: ModelVersion,
        positions: Sequence[int],
        dead: list[tuple[int, DeadLetter]],
    ) -> Part:
        features = version.model.features
        decoded = self._decoder.decode([records[i].value() for i in positions], features)
        at = np.asarray(positions, dtype=np.intp)
        number = version.version
        dead.extend(
            (int(at[row]), DeadLetter(records[at[row]], reason, detail, number))
            for row, reason, detail in decoded.rejected
        )
        settled = features.settle(decoded.features)
        if not settled.problems:
            return Part(
                version,
                at[decoded.rows],
                decoded.features,
                settled.unseen,
                decoded.ids,
                decoded.event_times_ms,
            )
        first: dict[int, ValueProblem] = {}
        for problem in settled.problems:
            first.setdefault(problem.row, problem)
        for row, problem in first.items():
            i = int(at[decoded.rows[row]])
            dead.append((i, DeadLetter(records[i], problem.reason, problem.detail, number)))
        good = np.setdiff1d(np.arange(len(decoded.rows)), list(first))
        return Part(
            version,
            at[decoded.rows[good]],
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
    ) -> tuple[list[int], list[bytes]]:
        scores, positions, ids, times = result.scores, part.positions, part.ids, part.event_times_ms
        if len(result.infinite):
            for row in result.infinite:
                record = records[positions[row]]
                detail = f"the model's output is {scores[row].tolist()}, not a finite number"
                dead_letters.append(DeadLetter(record, Reason.INVALID_VALUE, detail, part.version.version))
            good = np.setdiff1d(np.arange(len(scores)), result.infinite)
            scores, positions = scores[good], positions[good]
            ids, times = _take(ids, good), _take(times, good)
        kept = positions.tolist()
        source = Source([records[i] for i in kept], ids, times)
        values = self._encoder.encode(
            source,
            scores,
            model=part.version.name,
            version=part.version.version,
            classes=part.version.model.classes,
            scored_at_ms=scored_at_ms,
        )
        return kept, values


def _take(values: Sequence[T] | None, rows: npt.NDArray[np.intp]) -> list[T] | None:
    return None if values is None else [values[i] for i in rows]
