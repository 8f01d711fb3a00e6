"""The few bytes before a datum that name the schema it was written with: read off a batch, made for an output.

::

    confluent       00        schema id, 4 bytes, big-endian                     datum
    single-object   C3 01     CRC-64-AVRO of the schema, 8 bytes, little-endian  datum
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fastavro.schema import fingerprint, to_parsing_canonical_form

from scoreline.records import Reason
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.decoded import Rejected

SchemaKey = int | bytes
"""What names a schema: the id of a `confluent` frame, or the 8 bytes of a `single-object` one."""

_CONFLUENT_MAGIC = b"\x00"
_SINGLE_OBJECT_MAGIC = b"\xc3\x01"


class Framing(StrEnum):
    """How payloads name their schema."""

    CONFLUENT = "confluent"
    SINGLE_OBJECT = "single-object"

    @property
    def magic(self) -> bytes:
        """The bytes that every frame begins with."""
        return _CONFLUENT_MAGIC if self is Framing.CONFLUENT else _SINGLE_OBJECT_MAGIC

    @property
    def header_bytes(self) -> int:
        """Where the datum begins in every frame."""
        return 5 if self is Framing.CONFLUENT else 10


@dataclass(frozen=True, slots=True)
class Frames:
    """A batch of payloads by the schema they name. Every payload is in one group or in `rejected`, never both.

    Attributes:
        datum_start: where the datum begins in every payload of a group.
        groups: positions of the payloads of each schema, ascending; a `range` where all share one.
        rejected: in ascending order of position.
    """

    datum_start: int
    groups: Mapping[SchemaKey, Sequence[int]]
    rejected: Sequence[Rejected] = ()


def split_frames(payloads: Sequence[bytes | None], framing: Framing) -> Frames:
    """Group payloads by the schema that their frame names; the datum itself is not looked at.

    A payload that is None is rejected as a tombstone, one without a whole frame as undecodable.
    """
    start = framing.header_bytes
    heads = [payload[:start] if payload is not None else None for payload in payloads]
    keys = {head: _read_head(head, framing) for head in set(heads)}
    if len(keys) == 1:
        (key,) = keys.values()
        if not isinstance(key, _Refusal):
            return Frames(start, {key: range(len(payloads))})
    groups: dict[SchemaKey, list[int]] = {}
    rejected: list[Rejected] = []
    for row, head in enumerate(heads):
        key = keys[head]
        if isinstance(key, _Refusal):
            rejected.append(Rejected(row, key.reason, key.detail))
        else:
            groups.setdefault(key, []).append(row)
    return Frames(start, groups, rejected)


def fingerprint_of(schema: ParsedSchema) -> bytes:
    """CRC-64-AVRO of a schema's parsing canonical form, 8 bytes, little-endian (Avro 1.12, "Schema Fingerprints")."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def prefix_for(framing: Framing, schema_id: int, schema: ParsedSchema) -> bytes:
    """What an output's datum is put behind; `single-object` names the schema itself and ignores its id."""
    if framing is Framing.SINGLE_OBJECT:
        return framing.magic + fingerprint_of(schema)
    return framing.magic + schema_id.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why no schema can be read off a frame."""

    reason: Reason
    detail: str


def _read_head(head: bytes | None, framing: Framing) -> SchemaKey | _Refusal:
    if head is None:
        return _Refusal(Reason.TOMBSTONE, "the record has no value")
    magic = framing.magic
    if not head:
        return _Refusal(Reason.UNDECODABLE, "the value is empty")
    if not head.startswith(magic[: len(head)]):
        expected, found = magic.hex(" "), head[: len(magic)].hex(" ")
        detail = f"the value begins with the bytes {found}, but {framing} framing has {expected}"
        return _Refusal(Reason.UNDECODABLE, detail)
    if len(head) < framing.header_bytes:
        detail = f"the value has {len(head)} bytes, but {framing} framing alone takes {framing.header_bytes}"
        return _Refusal(Reason.UNDECODABLE, detail)
    named = head[len(magic) :]
    return int.from_bytes(named, "big") if framing is Framing.CONFLUENT else named
