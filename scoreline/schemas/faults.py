"""Says what is wrong with one datum, and where. Slow and careful: for payloads that are about to be rejected, and ahead
of fastavro for schemas by which a few bytes can make it crash or fill the memory.

The verdict is fastavro's, which is laxer than Avro in places: it counts a negative branch or symbol from the end, takes
any byte but 0 for true, and drops the bits of an integer beyond 64.
"""

from dataclasses import dataclass

from scoreline.schemas.logical import BOUNDS, is_uuid
from scoreline.schemas.shapes import Again, Branches, Fields, Items, Leaf, SchemaShape, Shape

MAX_DEPTH = 400
MAX_EMPTY_ITEMS = 4096
MAX_EXPLAINED_VALUES = 20_000
_FIXED_WIDTHS = {"null": 0, "boolean": 1, "float": 4, "double": 8}


class _Fault(Exception):
    """The datum cannot be read."""


@dataclass(slots=True)
class _Pending:
    """A value that is still to be read; of a block, `count` items are."""

    shape: Shape
    name: str
    depth: int
    count: int = -1
    began: int = -1


def find_fault(schema: SchemaShape, payload: bytes, start: int) -> str | None:
    """What is wrong with the datum that begins at `start`; None if it can be read up to the last byte.

    A record within itself may repeat `MAX_DEPTH` times, and arrays may hold `MAX_EMPTY_ITEMS` items without a byte of
    content: no more than that can be told from an attack.
    """
    return _look(_Reading(schema, payload, start))


def explain_fault(schema: SchemaShape, payload: bytes, start: int) -> str | None:
    """What is wrong with a datum that fastavro refuses; None if nothing is found in `MAX_EXPLAINED_VALUES` values."""
    return _look(_Reading(schema, payload, start, MAX_EXPLAINED_VALUES))


def _look(reading: "_Reading") -> str | None:
    try:
        if not reading.read_all():
            return None
    except _Fault as fault:
        return str(fault)
    left = reading.left
    return f"{_count_bytes(left)} left over behind the last field" if left else None


class _Reading:
    """Reads with a stack of its own, because a datum may be nested more deeply than Python's allows."""

    def __init__(self, schema: SchemaShape, payload: bytes, start: int, patience: int | None = None) -> None:
        self._records = schema.records
        self._payload = payload
        self._pending = [_Pending(schema.root, "", 0)]
        self._empty_items = 0
        self._patience = patience
        self._at = start

    @property
    def left(self) -> int:
        """How many bytes are not read yet."""
        return len(self._payload) - self._at

    def read_all(self) -> bool:
        """Read to the end; False if the patience ends first."""
        read = 0
        while self._pending:
            if read == self._patience:
                return False
            read += 1
            item = self._pending.pop()
            if item.depth > MAX_DEPTH:
                raise _Fault(f"{self._where(item)}: nested more than {MAX_DEPTH} times")
            shape = item.shape
            if isinstance(shape, Leaf):
                self._read_leaf(shape, item)
            elif isinstance(shape, Fields):
                self._push_fields(shape, item)
            elif isinstance(shape, Again):
                self._push_fields(self._records[shape.name], item)
            elif isinstance(shape, Branches):
                branch = self._read_index(item, len(shape.branches), "a union of {} has no branch {}")
                self._pending.append(_Pending(shape.branches[branch], item.name, item.depth + 1))
            else:
                self._read_items(shape, item)
        return True

    def _push_fields(self, record: Fields, item: _Pending) -> None:
        prefix = f"{item.name}." if item.name else ""
        self._pending.extend(
            _Pending(field.shape, prefix + field.name, item.depth + 1) for field in reversed(record.fields)
        )

    def _read_items(self, shape: Items, item: _Pending) -> None:
        """The next item of a block, or the next block."""
        if item.began == self._at:
            self._empty_items += 1
            if self._empty_items > MAX_EMPTY_ITEMS:
                raise _Fault(f"{self._where(item)}: more than {MAX_EMPTY_ITEMS} items without content")
        count = item.count
        if count <= 0:
            count = self._read_integer(item, "a count of items")
            if count == 0:
                return
            if count < 0:
                count = -count if count > -(2**63) else 0
                self._read_integer(item, "the size of a block")
        began = self._at if count else -1
        self._pending.append(_Pending(shape, item.name, item.depth, count - 1, began))
        if count:
            if shape.keyed:
                self._read_text(item, "a key")
            self._pending.append(_Pending(shape.item, f"{item.name}[]", item.depth + 1))

    def _read_leaf(self, leaf: Leaf, item: _Pending) -> None:
        if leaf.type in ("int", "long"):
            value = self._read_integer(item, _with_article(leaf.type))
            low, high = BOUNDS.get(leaf.logical or "", (value, value))
            if not low <= value <= high:
                raise _Fault(f"{self._where(item)}: {value} is no {leaf.logical}, which goes from {low} to {high}")
        elif leaf.type == "enum":
            self._read_index(item, len(leaf.symbols), "an enum of {} has no symbol {}")
        elif leaf.type == "string":
            text = self._read_text(item, "a string")
            if leaf.logical == "uuid" and not is_uuid(text):
                raise _Fault(f"{self._where(item)}: {text[:64]!r} is no UUID")
        elif leaf.type == "bytes":
            self._take(self._read_integer(item, "a length"), item, "bytes")
        else:
            size = leaf.size if leaf.type == "fixed" else _FIXED_WIDTHS[leaf.type]
            self._take(size, item, _with_article(leaf.type))

    def _read_text(self, item: _Pending, what: str) -> str:
        text = self._take(self._read_integer(item, "a length"), item, what)
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise _Fault(f"{self._where(item)}: {what} that is not UTF-8 ({error.reason})") from None

    def _read_index(self, item: _Pending, count: int, complaint: str) -> int:
        index = self._read_integer(item, "an index")
        if not -count <= index < count:
            raise _Fault(f"{self._where(item)}: {complaint.format(count, index)}")
        return index

    def _read_integer(self, item: _Pending, what: str) -> int:
        raw = shift = 0
        while True:
            byte = self._take(1, item, what)[0]
            raw |= (byte & 0x7F) << shift % 64
            shift += 7
            if byte < 0x80:
                raw &= 2**64 - 1
                return (raw >> 1) ^ -(raw & 1)

    def _take(self, size: int, item: _Pending, what: str) -> bytes:
        if size < 0:
            raise _Fault(f"{self._where(item)}: {what} of negative length {size}")
        if size > self.left:
            raise _Fault(f"{self._where(item)}: {what} needs {_count_bytes(size)}, but has {_count_bytes(self.left)}")
        self._at += size
        return self._payload[self._at - size : self._at]

    def _where(self, item: _Pending) -> str:
        return f"field {item.name!r} at byte {self._at}"


def _count_bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"


def _with_article(avro_type: str) -> str:
    return f"an {avro_type}" if avro_type == "int" else f"a {avro_type}"
