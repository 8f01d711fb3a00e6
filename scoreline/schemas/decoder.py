"""Turns payloads into columns of features: finds each writer's schema, and decodes rows or columns by their number."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scoreline.errors import SchemaError, SchemaNotFound
from scoreline.features import FeatureSet
from scoreline.records import Reason
from scoreline.schemas.catalog import SchemaCatalog
from scoreline.schemas.columns import ColumnDecoder
from scoreline.schemas.decoded import Decoded, Rejected
from scoreline.schemas.framing import Framing, SchemaKey, split_frames
from scoreline.schemas.plan import make_plan
from scoreline.schemas.rows import Fault, Group, RowDecoder

COLUMNS_FROM_RECORDS = 24
"""From how many records on columns are faster than rows (benchmarks/decode.py)."""

MAX_READERS = 256


class _Reader(NamedTuple):
    """Both ways to decode one writer's schema; `columns` is None where its shape allows only rows."""

    rows: RowDecoder
    columns: ColumnDecoder | None


class _Usual(NamedTuple):
    """What the last payloads were, and so the next ones probably are.

    Attributes:
        head: the frame's bytes before the datum.
    """

    head: bytes
    features: FeatureSet
    reader: _Reader

    def read(self, payloads: Sequence[bytes | None], start: int) -> Group | None:
        """Decode payloads that all begin with `head`; None where one does not."""
        rows, columns = self.reader
        if columns is None or len(payloads) < COLUMNS_FROM_RECORDS:
            present = [payload for payload in payloads if payload is not None and payload.startswith(self.head)]
            return rows.read(present, start) if len(present) == len(payloads) else None
        try:
            joined = columns.join(payloads)  # type: ignore[arg-type]  # a None among them is found by joining
        except TypeError:
            return None
        return columns.read(payloads, joined, start) if joined.all_begin_with(self.head) else None  # type: ignore[arg-type]


class PayloadDecoder:
    """Decodes batches. One instance may be used by one thread at a time.

    Args:
        id_field, event_time_field: dotted paths of the fields that become `Decoded.ids` and `.event_times_ms`.
    """

    def __init__(
        self,
        catalog: SchemaCatalog,
        *,
        framing: Framing,
        id_field: str | None = None,
        event_time_field: str | None = None,
    ) -> None:
        self._catalog = catalog
        self._framing = framing
        self._id_field = id_field
        self._event_time_field = event_time_field
        # The features are kept with the reader, so that their identity is not given to others meanwhile.
        self._readers: dict[tuple[SchemaKey, int], tuple[FeatureSet, _Reader | Fault]] = {}
        self._usual: _Usual | None = None

    def decode(self, payloads: Sequence[bytes | None], features: FeatureSet) -> Decoded:
        """Decode payloads as far as possible; what is wrong with one never touches another.

        Args:
            payloads: framed; None is a tombstone.
            features: what to take; the same object from batch to batch, because plans are kept by its identity.

        Raises:
            Unavailable: the schema registry is away.
        """
        usual = self._usual
        if usual is not None and usual.features is features:
            group = usual.read(payloads, self._framing.header_bytes)
            if group is not None:
                rejected = [Rejected(row, *fault) for row, fault in group.faults]
                return Decoded(group.rows, group.matrix, group.ids, group.event_times_ms, rejected)
        return self._decode_mixed(payloads, features)

    def _decode_mixed(self, payloads: Sequence[bytes | None], features: FeatureSet) -> Decoded:
        """Payloads of any number of writers' schemas, or of none."""
        frames = split_frames(payloads, self._framing)
        rejected = list(frames.rejected)
        groups: list[Group] = []
        for key, positions in frames.groups.items():
            reader = self._find_reader(key, features)
            if isinstance(reader, Fault):
                rejected.extend(Rejected(row, *reader) for row in positions)
                continue
            chosen = [payload for row in positions if (payload := payloads[row]) is not None]
            group = _read(reader, chosen, frames.datum_start)
            at = np.asarray(positions, dtype=np.intp)
            rejected.extend(Rejected(positions[row], *fault) for row, fault in group.faults)
            groups.append(group._replace(rows=at[group.rows]))
            self._usual = _Usual(chosen[0][: frames.datum_start], features, reader)
        rejected.sort(key=lambda one: one.row)
        return self._merge(groups, features, rejected)

    def _find_reader(self, key: SchemaKey, features: FeatureSet) -> _Reader | Fault:
        known = self._readers.get((key, id(features)))
        if known is not None:
            return known[1]
        try:
            schema = self._catalog.find_writer(key) if isinstance(key, int) else self._catalog.find_fingerprint(key)
        except SchemaNotFound as error:
            # Not kept: the catalog remembers it for as long as is right, and the schema may still come.
            return Fault(Reason.UNKNOWN_SCHEMA, str(error))
        except SchemaError as error:
            return self._keep(key, features, Fault(Reason.INCOMPATIBLE_SCHEMA, str(error)))
        try:
            plan = make_plan(schema, features, id_field=self._id_field, event_time_field=self._event_time_field)
        except SchemaError as error:
            return self._keep(key, features, Fault(Reason.INCOMPATIBLE_SCHEMA, str(error)))
        rows = RowDecoder(plan)
        return self._keep(key, features, _Reader(rows, ColumnDecoder(plan, rows) if plan.takes_columns else None))

    def _keep(self, key: SchemaKey, features: FeatureSet, reader: _Reader | Fault) -> _Reader | Fault:
        while len(self._readers) >= MAX_READERS:
            del self._readers[next(iter(self._readers))]
        self._readers[key, id(features)] = features, reader
        return reader

    def _merge(self, groups: Sequence[Group], features: FeatureSet, rejected: Sequence[Rejected]) -> Decoded:
        """Groups of several writers' schemas in the order of the payloads."""
        if not groups:
            return Decoded(
                np.empty(0, dtype=np.intp),
                np.empty((0, len(features))),
                [] if self._id_field is not None else None,
                [] if self._event_time_field is not None else None,
                rejected,
            )
        rows = np.concatenate([group.rows for group in groups])
        order = rows.argsort()
        ids = [record_id for group in groups for record_id in group.ids or ()]
        times = [time for group in groups for time in group.event_times_ms or ()]
        return Decoded(
            rows[order],
            np.concatenate([group.matrix for group in groups])[order],
            [ids[i] for i in order] if self._id_field is not None else None,
            [times[i] for i in order] if self._event_time_field is not None else None,
            rejected,
        )


def _read(reader: _Reader, payloads: Sequence[bytes], start: int) -> Group:
    """Decode payloads of one writer's schema, columns or rows, whichever is faster for so many."""
    if reader.columns is not None and len(payloads) >= COLUMNS_FROM_RECORDS:
        return reader.columns.read(payloads, reader.columns.join(payloads), start)
    return reader.rows.read(payloads, start)
