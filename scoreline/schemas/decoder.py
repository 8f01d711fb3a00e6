"""Turns payloads into columns of features: finds each writer's schema, and decodes rows or columns by their number."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, cast
from weakref import ref

import numpy as np

from scoreline.errors import SchemaError, SchemaIncompatible, SchemaNotFound
from scoreline.features import FeatureSet
from scoreline.records import Reason
from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog
from scoreline.schemas.columns import ColumnDecoder
from scoreline.schemas.decoded import Decoded, Rejected
from scoreline.schemas.framing import Framing, SchemaKey, split_frames
from scoreline.schemas.plan import make_plan
from scoreline.schemas.rows import RowDecoder

COLUMNS_FROM_RECORDS = 24
"""From how many records on columns are faster than rows (benchmarks/decode.py)."""

MAX_READERS = 256

K = TypeVar("K")
V = TypeVar("V")


class _Refusal(NamedTuple):
    """Why no payload of a writer's schema can be decoded."""

    reason: Reason
    detail: str


class _Reader(NamedTuple):
    """Both ways to decode one writer's schema; `columns` is None where its shape allows only rows."""

    rows: RowDecoder
    columns: ColumnDecoder | None

    def read(self, payloads: Sequence[bytes], start: int) -> Decoded:
        """Decode payloads the faster way for so many."""
        if self.columns is None or len(payloads) < COLUMNS_FROM_RECORDS:
            return self.rows.read(payloads, start)
        return self.columns.read(payloads, self.columns.join(payloads), start)


class _Usual(NamedTuple):
    """What the last payloads for some features were, and so the next ones probably are.

    Attributes:
        head: the frame's bytes before the datum.
    """

    head: bytes
    reader: _Reader

    def read(self, payloads: Sequence[bytes | None]) -> Decoded | None:
        """Decode payloads that all begin with `head`; None where one does not."""
        head, (rows, columns) = self
        if columns is None or len(payloads) < COLUMNS_FROM_RECORDS:
            for payload in payloads:
                if payload is None or not payload.startswith(head):
                    return None
            return rows.read(cast("Sequence[bytes]", payloads), len(head))
        present = cast("Sequence[bytes]", payloads)
        try:
            joined = columns.join(present)
        except TypeError:
            # A tombstone is among them; to look for one first would cost every batch more.
            return None
        return columns.read(present, joined, len(head)) if joined.all_begin_with(head) else None


class PayloadDecoder:
    """Decodes batches. One instance may be used by one thread at a time.

    Args:
        id_field, event_time_field: dotted paths of the fields that become `Decoded.ids` and `.event_times_ms`.
        before_lookup: called before the catalog is asked, which may take its time, once for each schema of a batch;
            what it raises ends the batch.
    """

    def __init__(
        self,
        catalog: SchemaCatalog,
        *,
        framing: Framing,
        id_field: str | None = None,
        event_time_field: str | None = None,
        before_lookup: Callable[[], None] = lambda: None,
    ) -> None:
        self._before_lookup = before_lookup
        self._catalog = catalog
        self._framing = framing
        self._id_field = id_field
        self._event_time_field = event_time_field
        # By identity of the features, which are held weakly: what is made for them is large, goes soon after the last
        # version that has them, and is not taken for that of others who are given the same identity.
        self._readers: dict[tuple[SchemaKey, int], tuple[ref[FeatureSet], _Reader | _Refusal]] = {}
        self._usual: dict[int, tuple[ref[FeatureSet], _Usual]] = {}

    @property
    def reads_ids(self) -> bool:
        """Whether payloads have a field that becomes their id."""
        return self._id_field is not None

    def decode(self, payloads: Sequence[bytes | None], features: FeatureSet) -> Decoded:
        """Decode payloads as far as possible; what is wrong with one never touches another.

        Args:
            payloads: framed; None is a tombstone.
            features: what to take; the same object from batch to batch, because plans are kept by its identity.

        Raises:
            Unavailable: the schema registry is away.
        """
        usual = self._usual.get(id(features))
        decoded = None if usual is None or usual[0]() is not features else usual[1].read(payloads)
        return self._decode_mixed(payloads, features) if decoded is None else decoded

    def _decode_mixed(self, payloads: Sequence[bytes | None], features: FeatureSet) -> Decoded:
        """Payloads of any number of writers' schemas, or of none."""
        frames = split_frames(payloads, self._framing)
        rejected = list(frames.rejected)
        groups: list[Decoded] = []
        for key, positions in frames.groups.items():
            reader = self._find_reader(key, features)
            if isinstance(reader, _Refusal):
                rejected.extend(Rejected(row, *reader) for row in positions)
                continue
            chosen = [payload for row in positions if (payload := payloads[row]) is not None]
            group = reader.read(chosen, frames.datum_start)
            at = np.asarray(positions, dtype=np.intp)
            rejected.extend(one._replace(row=positions[one.row]) for one in group.rejected)
            groups.append(group._replace(rows=at[group.rows]))
            _keep(self._usual, id(features), (ref(features), _Usual(chosen[0][: frames.datum_start], reader)))
        rejected.sort(key=lambda one: one.row)
        return self._merge(groups, features, rejected)

    def _find_reader(self, key: SchemaKey, features: FeatureSet) -> _Reader | _Refusal:
        known = self._readers.get((key, id(features)))
        if known is not None and known[0]() is features:
            return known[1]
        self._before_lookup()
        reader: _Reader | _Refusal
        try:
            schema = self._catalog.find_writer(key) if isinstance(key, int) else self._catalog.find_fingerprint(key)
            reader = self._make_reader(schema, features)
        except SchemaNotFound as error:
            # Not kept: the catalog remembers it for as long as is right, and the schema may still come.
            return _Refusal(Reason.UNKNOWN_SCHEMA, str(error))
        except SchemaError as error:
            reader = _Refusal(Reason.INCOMPATIBLE_SCHEMA, str(error))
        _keep(self._readers, (key, id(features)), (ref(features), reader))
        return reader

    def _make_reader(self, schema: ParsedSchema, features: FeatureSet) -> _Reader:
        """Both ways to decode a writer's schema; one that is beyond Python itself must not end the process."""
        try:
            plan = make_plan(schema, features, id_field=self._id_field, event_time_field=self._event_time_field)
            rows = RowDecoder(plan)
            return _Reader(rows, ColumnDecoder(plan, rows) if plan.takes_columns else None)
        except (RecursionError, OverflowError, MemoryError) as error:
            detail = f"the writer's schema is beyond what can be read ({type(error).__name__}: {error})"
            raise SchemaIncompatible(detail) from error

    def _merge(self, groups: Sequence[Decoded], features: FeatureSet, rejected: Sequence[Rejected]) -> Decoded:
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
            np.concatenate([group.features for group in groups])[order],
            [ids[i] for i in order] if self._id_field is not None else None,
            [times[i] for i in order] if self._event_time_field is not None else None,
            rejected,
        )


def _keep(known: dict[K, tuple[ref[FeatureSet], V]], key: K, value: tuple[ref[FeatureSet], V]) -> None:
    """Remember one more, and forget those whose features are gone, and the oldest where there are too many."""
    for gone in [other for other, (features, _) in known.items() if features() is None]:
        del known[gone]
    known[key] = value
    while len(known) > MAX_READERS:
        del known[next(iter(known))]
