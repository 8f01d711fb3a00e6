"""Decode → predict → encode, for batches of records."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from scoreline.features import FeatureSet, Matrix
from scoreline.models.live_route import Versions
from scoreline.records import DeadLetter, Outputs, Reason, Record
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.predictions import PredictionEncoder, Source, choose_ids
from scoreline.scoring.batch import Batch, Part, Tombstones
from scoreline.scoring.grouping import VersionGroup, group_by_version
from scoreline.scoring.score import Scored, score

T = TypeVar("T")

_Piece = tuple[Sequence[int], list[Record], Sequence[bytes | None], int]
"""Positions, records, values and version of what is put out; version 0 for tombstones that are passed on."""

_NO_FEATURES = FeatureSet(())
_NOBODY = -1


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

    @property
    def encoder(self) -> PredictionEncoder:
        """What predictions are written with; it may be used by any thread."""
        return self._encoder

    def decode(self, records: Sequence[Record]) -> Batch:
        """Sort records by the version they are for, and turn each group into a settled matrix.

        Raises:
            Unavailable: the schema registry or the model store is away.
            ModelError: there is no live model to score unpinned records with.
        """
        dead: list[tuple[int, DeadLetter]] = []
        parts: list[Part] = []
        groups = group_by_version(records, self._versions, self._find_ids)
        dead.extend((i, DeadLetter(records[i], Reason.UNKNOWN_VERSION, detail)) for i, detail in groups.unknown)
        detail = "the name of a header is not UTF-8; the headers cannot be carried over"
        dead.extend((i, DeadLetter(records[i], Reason.UNDECODABLE, detail)) for i in groups.unreadable)
        for alike in _find_alike(groups.by_version):
            parts.extend(self._decode_groups(records, alike, dead))
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
        pieces: list[_Piece] = []
        for part, result in zip(batch.parts, scored, strict=True):
            pieces.append(self._encode_part(batch, part, result, scored_at_ms, dead_letters))
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
        return _merge_outputs(batch.records, pieces, name), dead_letters

    def _find_ids(self, records: Sequence[Record]) -> Sequence[bytes]:
        """The ids of predictions to come, for records that have no key; read without any feature."""
        if not self._decoder.reads_ids:
            return choose_ids(Source(records))
        decoded = self._decoder.decode([record.value() for record in records], _NO_FEATURES)
        own: list[bytes | None] = [None] * len(records)
        for row, record_id in zip(decoded.rows.tolist(), decoded.ids or (), strict=False):
            own[row] = record_id
        return choose_ids(Source(records, own))

    def _decode_groups(
        self, records: Sequence[Record], groups: Sequence[VersionGroup], dead: list[tuple[int, DeadLetter]]
    ) -> list[Part]:
        """Decode what versions with the same features are for at once: half a batch takes more than half as long."""
        features = groups[0].version.model.features
        positions, owners = groups[0].positions, None
        if len(groups) > 1:
            by_position = np.full(len(records), _NOBODY)
            for i, group in enumerate(groups):
                by_position[group.positions] = i
            positions = np.flatnonzero(by_position != _NOBODY)
            owners = by_position[positions]
        decoded = self._decoder.decode([records[i].value() for i in positions.tolist()], features)
        for row, reason, detail in decoded.rejected:
            number = groups[0 if owners is None else owners[row]].version.version
            dead.append((int(positions[row]), DeadLetter(records[positions[row]], reason, detail, number)))
        whole = _Rows(positions[decoded.rows], decoded.features, decoded.ids, decoded.event_times_ms)
        if owners is None:
            return [self._settle(records, groups[0], whole, dead)]
        owners = owners[decoded.rows]
        return [
            self._settle(records, group, whole.take(np.flatnonzero(owners == i)), dead)
            for i, group in enumerate(groups)
        ]

    @staticmethod
    def _settle(
        records: Sequence[Record], group: VersionGroup, rows: "_Rows", dead: list[tuple[int, DeadLetter]]
    ) -> Part:
        version = group.version
        settled = version.model.features.settle(rows.features)
        if settled.problems:
            for problem in settled.problems:
                i = int(rows.positions[problem.row])
                dead.append((i, DeadLetter(records[i], problem.reason, problem.detail, version.version)))
            bad = [problem.row for problem in settled.problems]
            rows = rows.take(np.setdiff1d(np.arange(len(rows.positions)), bad))
        return Part(
            version, rows.positions, rows.features, settled.unseen, rows.ids, rows.event_times_ms, group.shadows
        )

    def _encode_part(
        self,
        batch: Batch,
        part: Part,
        result: Scored,
        scored_at_ms: int,
        dead_letters: list[DeadLetter],
    ) -> tuple[list[int], list[Record], list[bytes], int]:
        records = batch.records
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
        source = Source(kept, ids, times, batch.kafka_times_ms[positions] if times is None else None)
        values = self._encoder.encode(
            source,
            scores,
            model=part.version.name,
            version=part.version.version,
            classes=part.version.model.classes,
            scored_at_ms=scored_at_ms,
        )
        return at, kept, values, part.version.version


class _Rows(NamedTuple):
    """Decoded rows, with where each stands in the batch."""

    positions: npt.NDArray[np.intp]
    features: Matrix
    ids: Sequence[bytes | None] | None
    event_times_ms: Sequence[int | None] | None

    def take(self, rows: npt.NDArray[np.intp]) -> "_Rows":
        """Some of them, in the order that is given; features are C-contiguous."""
        return _Rows(
            self.positions[rows],
            self.features.take(rows, axis=0),
            _take(self.ids, rows),
            _take(self.event_times_ms, rows),
        )


def _find_alike(groups: Sequence[VersionGroup]) -> list[list[VersionGroup]]:
    """Groups whose versions have the same features, together; loaders give equal features as one object."""
    if len(groups) < 2:
        return [[group] for group in groups]
    alike: dict[int, list[VersionGroup]] = {}
    for group in groups:
        alike.setdefault(id(group.version.model.features), []).append(group)
    return list(alike.values())


def _merge_outputs(records: Sequence[Record], pieces: Sequence["_Piece"], model: str) -> Outputs:
    """Outputs of several groups in input order."""
    values: list[bytes | None] = [None] * len(records)
    versions = [_NOBODY] * len(records)
    for positions, _, encoded, version in pieces:
        for i, value in zip(positions, encoded, strict=True):
            values[i] = value
            versions[i] = version
    if _NOBODY not in versions:
        return Outputs(records, values, model, versions)
    kept = [i for i, version in enumerate(versions) if version != _NOBODY]
    return Outputs([records[i] for i in kept], [values[i] for i in kept], model, [versions[i] for i in kept])


def _take(values: Sequence[T] | None, rows: npt.NDArray[np.intp]) -> list[T] | None:
    return None if values is None else [values[i] for i in rows.tolist()]
