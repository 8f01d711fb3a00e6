"""The embedded registry: a folder with one file a schema, `<subject>/<id>.avsc`, in which an id stands only once.

A file that turns up later is found when its id is first asked for; one that was read stays as it was read.
"""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scoreline.errors import ConfigError, SchemaError, SchemaNotFound, Unavailable
from scoreline.records import Clock
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.fixed import FIRST_FIXED_ID, FIXED_IDS, find_fixed_id, is_fixed_id, load_fixed
from scoreline.schemas.framing import fingerprint_of
from scoreline.schemas.parsing import are_equal, mean_the_same, parse_schema_text, to_text

MAX_ID = 2**31 - 1
RESCAN_SECONDS = 1.0

_ID = re.compile(r"[1-9][0-9]{0,9}")


class StoredSchema(NamedTuple):
    """One file of the folder."""

    path: Path
    subject: str
    schema_id: int
    schema: ParsedSchema
    fingerprint: bytes


class FolderCatalog:
    """Implements `scoreline.schemas.catalog.SchemaCatalog` over a folder and the fixed ids; never writes.

    Args:
        path: the folder; one that does not exist is an empty one.
        clock: monotonic seconds.
        rescan_seconds: the folder is looked at again at most this often, so an unknown id is remembered for as long.

    Raises:
        ConfigError: names every file that is no valid schema, or has an id or a place that no schema may have.
    """

    def __init__(self, path: Path, *, clock: Clock = time.monotonic, rescan_seconds: float = RESCAN_SECONDS) -> None:
        if path.exists() and not path.is_dir():
            raise ConfigError(f"{path} has to be a folder of schemas, but is a file")
        self._path = path
        self._clock = clock
        self._rescan_seconds = rescan_seconds
        self._stored: tuple[StoredSchema, ...] = ()
        self._by_id: dict[int, ParsedSchema] = {}
        self._problems: dict[Path, str] = {}
        self._scan()
        if self._problems:
            raise ConfigError(*self._problems.values())

    @property
    def stored(self) -> tuple[StoredSchema, ...]:
        """What has been read so far."""
        return self._stored

    def find_writer(self, schema_id: int) -> ParsedSchema:
        """The schema of an id, from the folder or shipped with the package."""
        if schema_id in FIXED_IDS:
            return load_fixed(schema_id)
        if schema_id not in self._by_id:
            self._rescan()
        if schema_id in self._by_id:
            return self._by_id[schema_id]
        # A file that is there and cannot be read yet is waited for: its records are not to blame.
        for path, problem in self._problems.items():
            if path.stem == str(schema_id):
                raise Unavailable(problem)
        raise SchemaNotFound(f"there is no {schema_id}.avsc in {self._path}")

    def find_fingerprint(self, fingerprint: bytes) -> ParsedSchema:
        """The schema of a fingerprint, from the folder or shipped with the package.

        Raises:
            SchemaError: several have it, and differ in what a fingerprint does not cover, such as logical types.
        """
        found = self._with_fingerprint(fingerprint)
        if not found:
            self._rescan()
            found = self._with_fingerprint(fingerprint)
        if not found and self._problems:
            raise Unavailable("; ".join(self._problems.values()))
        if not found:
            raise SchemaNotFound(f"no schema in {self._path} has the fingerprint {fingerprint.hex()}")
        if not all(mean_the_same(found[0], other) for other in found[1:]):
            paths = ", ".join(str(s.path) for s in self._stored if s.fingerprint == fingerprint)
            raise SchemaError(f"these have one fingerprint, but do not mean the same: {paths}")
        return found[0]

    def id_of_output(self, subject: str, schema: ParsedSchema) -> int:
        """The id of an equal schema under the subject, else the fixed id of a schema that ships with the package."""
        self._rescan()
        for stored in self._stored:
            if stored.subject == subject and mean_the_same(stored.schema, schema):
                return stored.schema_id
        fixed = find_fixed_id(schema)
        if fixed is None:
            raise SchemaNotFound(f"there is no such schema in {self._path / subject}")
        return fixed

    def latest(self, subject: str) -> ParsedSchema:
        """The schema with the highest id of a subject."""
        self._scan()
        found = [s for s in self._stored if s.subject == subject]
        if not found:
            problems = [problem for path, problem in self._problems.items() if path.parent.name == subject]
            if problems:
                raise Unavailable("; ".join(problems))
            raise SchemaNotFound(f"there is no schema in {self._path / subject}; put one there as 1.avsc")
        return max(found, key=lambda stored: stored.schema_id).schema

    def _with_fingerprint(self, fingerprint: bytes) -> list[ParsedSchema]:
        known = [s.schema for s in self._stored if s.fingerprint == fingerprint]
        return known or [s for s in map(load_fixed, FIXED_IDS) if fingerprint_of(s) == fingerprint]

    def _rescan(self) -> None:
        if self._clock() - self._scanned_at >= self._rescan_seconds:
            self._scan()

    def _scan(self) -> None:
        """Read the files that were not read yet, and note what is wrong with those that cannot be."""
        self._scanned_at = self._clock()
        stored = {s.path: s for s in self._stored}
        problems: dict[Path, str] = {}
        for path in sorted([*self._path.glob("*.avsc"), *self._path.glob("*/*.avsc")]):
            if path in stored:
                continue
            try:
                found = _read(path, self._path)
                _check_unique(found, stored.values())
            except SchemaError as error:
                problems[path] = f"{path}: {error}"
            else:
                stored[path] = found
        self._stored, self._problems = tuple(stored.values()), problems
        self._by_id = {s.schema_id: s.schema for s in self._stored}


def write_schema(path: Path, subject: str, schema: ParsedSchema, schema_id: int | None = None) -> int:
    """Put a schema into the folder, unless an equal one is there already under that subject.

    Args:
        path: the folder; made when it does not exist.
        subject: `<topic>-value`.
        schema: parsed.
        schema_id: None for the fixed id of a schema that ships with the package, and else the next one that is free.

    Returns:
        The id that the schema has in the folder.

    Raises:
        ConfigError: the folder is damaged, the subject cannot be a folder's name, or the id is taken.
    """
    if subject in ("", ".", "..") or Path(subject).name != subject:
        raise ConfigError(f"the subject {subject!r} cannot be the name of a folder")
    stored = FolderCatalog(path).stored
    for known in stored:
        # What ships may be described better in a later release; under its fixed id it is still the same.
        equal = mean_the_same if known.schema_id in FIXED_IDS else are_equal
        if known.subject == subject and equal(known.schema, schema):
            return known.schema_id
    if schema_id is None:
        schema_id = (
            find_fixed_id(schema) or max((s.schema_id for s in stored if s.schema_id < FIRST_FIXED_ID), default=0) + 1
        )
    target = path / subject / f"{schema_id}.avsc"
    try:
        _check_unique(StoredSchema(target, subject, schema_id, schema, fingerprint_of(schema)), stored)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(to_text(schema) + "\n")
    except (SchemaError, FileExistsError) as error:
        raise ConfigError(f"{target} cannot be written: {error}") from error
    return schema_id


def _read(path: Path, root: Path) -> StoredSchema:
    if path.parent == root:
        raise SchemaError("a schema has to be in the folder of its subject, as <subject>/<id>.avsc")
    if not _ID.fullmatch(path.stem) or int(path.stem) > MAX_ID:
        raise SchemaError(f"the name of the file has to be the schema's id, a whole number from 1 to {MAX_ID}")
    try:
        schema = parse_schema_text(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(f"it cannot be read: {error}") from error
    return StoredSchema(path, path.parent.name, int(path.stem), schema, fingerprint_of(schema))


def _check_unique(found: StoredSchema, others: Iterable[StoredSchema]) -> None:
    """A fixed id may lie under several subjects, because several topics may hold what it describes."""
    if found.schema_id in FIXED_IDS:
        if not mean_the_same(found.schema, load_fixed(found.schema_id)):
            raise SchemaError(f"the id {found.schema_id} belongs to a schema that ships with the package")
        return
    for other in others:
        if other.schema_id == found.schema_id and other.path != found.path:
            if is_fixed_id(found.schema_id) and mean_the_same(found.schema, other.schema):
                continue  # put there by a later release
            raise SchemaError(f"the id {found.schema_id} is also that of {other.path}")
