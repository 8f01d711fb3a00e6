"""The store of versioned models: immutable files in a folder or an object store, through fsspec alone.

::

    <store>/<model>/blobs/<sha256>                 contents: written first
    <store>/<model>/versions/<n>.json              the manifest: written last, the commit
    <store>/<model>/versions/<n>.deleted.json      a tombstone: a number is never used twice
    <store>/<model>/aliases/<alias>/<seq>.json     what the alias means since then; the highest one counts

Every file is created once and never changed, so publishers and readers need no lock, no rename and no compare-and-swap:
who loses the race for a number takes the next one.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import msgspec
from fsspec.implementations.local import LocalFileSystem

from scoreline.errors import ConfigError, ModelNotFound, ModelRejected, Refused, Unavailable
from scoreline.models.files import create_file
from scoreline.models.manifest import Blob, Manifest, decode_manifest, encode_manifest
from scoreline.models.names import check_alias, check_model_name, is_alias, is_model_name
from scoreline.records import Clock

_MANIFEST = re.compile(r"([1-9][0-9]*)\.json")
_SHOWN = 5
_TOMBSTONE = re.compile(r"([1-9][0-9]*)\.deleted\.json")


@dataclass(frozen=True, slots=True)
class AliasEntry:
    """What an alias meant from one moment on.

    Attributes:
        sequence: of the entry in the alias's history, from 1.
        set_at: ISO 8601 in UTC.
    """

    version: int
    set_at: str
    by: str
    sequence: int = 0


class ModelStore:
    """A store at a folder or an fsspec URL. Safe to use from several threads and processes at once."""

    def __init__(self, url: str, *, wall_clock: Clock = time.time) -> None:
        """Name the place; nothing is read or written yet.

        Args:
            url: a folder, or any URL that fsspec knows.
            wall_clock: seconds since the epoch.

        Raises:
            ConfigError: the URL's scheme is unknown, or needs an extra that is not installed.
        """
        self.url = url
        self._wall_clock = wall_clock
        try:
            self._files, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise ConfigError(f"the model store {url!r} cannot be used: {error}") from error

    def now(self) -> str:
        """The current time, ISO 8601 in UTC, to the second."""
        return datetime.fromtimestamp(self._wall_clock(), UTC).isoformat(timespec="seconds")

    def names(self) -> tuple[str, ...]:
        """Models that have at least one version, sorted."""
        found = (name for name in self._list(self._root) if is_model_name(name))
        return tuple(sorted(name for name in found if self.versions(name)))

    def versions(self, name: str) -> tuple[int, ...]:
        """Numbers of the versions that were not deleted, ascending; empty when there is no such model."""
        check_model_name(name)
        files = self._list(f"{self._root}/{name}/versions")
        return tuple(sorted(_numbers(files, _MANIFEST) - _numbers(files, _TOMBSTONE)))

    def latest(self, name: str) -> int:
        """The highest version that was not deleted.

        Raises:
            ModelNotFound: there is none.
        """
        known = self.versions(name)
        if not known:
            raise ModelNotFound(self._describe_missing(name, known))
        return known[-1]

    def find(self, name: str, version: int) -> None:
        """Make sure that there is such a version.

        Raises:
            ModelNotFound: there is none, or it was deleted.
        """
        known = self.versions(name)
        if version not in known:
            raise ModelNotFound(self._describe_missing(name, known, version))

    def manifest(self, name: str, version: int) -> Manifest:
        """The manifest of one version.

        Raises:
            ModelNotFound: there is no such version, or it was deleted.
            ModelRejected: its manifest is damaged.
        """
        self.find(name, version)
        return decode_manifest(self._read(self._version_path(name, version)), name=name, version=version)

    def read_blob(self, name: str, blob: Blob) -> bytes:
        """The content of a blob, after its size and sha256 have been checked.

        Raises:
            ModelRejected: it is missing, or is not what the manifest says.
        """
        try:
            data = self._read(self._blob_path(name, blob))
        except ModelNotFound as error:
            raise ModelRejected(f"a blob of {name} is missing from the store: {blob.sha256}") from error
        check_blob(data, blob)
        return data

    def aliases(self, name: str) -> dict[str, int]:
        """Versions by alias.

        Raises:
            ModelRejected: an alias is damaged.
        """
        check_model_name(name)
        found = sorted(alias for alias in self._list(f"{self._root}/{name}/aliases") if is_alias(alias))
        last = {alias: self._last_sequence(name, alias) for alias in found}
        return {alias: self._read_alias(name, alias, sequence).version for alias, sequence in last.items() if sequence}

    def alias(self, name: str, alias: str) -> int:
        """The version that an alias means now.

        Raises:
            ModelNotFound: there is no such alias; the message has the command that sets it.
            ModelRejected: the alias is damaged.
        """
        last = self._last_sequence(name, alias)
        if not last:
            raise ModelNotFound(self._describe_missing_alias(name, alias))
        return self._read_alias(name, alias, last).version

    def history(self, name: str, alias: str) -> tuple[AliasEntry, ...]:
        """Everything that an alias has meant, oldest first.

        Raises:
            ModelRejected: an entry is damaged.
        """
        last = self._last_sequence(name, alias)
        return tuple(self._read_alias(name, alias, sequence) for sequence in range(1, last + 1))

    def set_alias(self, name: str, alias: str, version: int, *, by: str) -> None:
        """Make an alias mean a version from now on.

        Raises:
            ConfigError: no alias may be called so.
            ModelNotFound: there is no such version.
        """
        check_alias(alias)
        self.find(name, version)
        data = msgspec.json.encode({"version": version, "set_at": self.now(), "by": by})
        sequence = self._last_sequence(name, alias) + 1
        while not self._create(self._alias_path(name, alias, sequence), data):
            sequence += 1

    def add_blob(self, name: str, data: bytes) -> Blob:
        """Keep a content; one that is there already is checked and kept.

        Raises:
            ModelRejected: the store holds something else under its sha256.
        """
        check_model_name(name)
        blob = Blob.of(data)
        if not self._create(self._blob_path(name, blob), data):
            self.read_blob(name, blob)
        return blob

    def add_version(self, manifest: Manifest) -> Manifest:
        """Commit a manifest under the next free number, whatever number it has, and return it with that number."""
        check_model_name(manifest.name)
        files = self._list(f"{self._root}/{manifest.name}/versions")
        number = max(_numbers(files, _MANIFEST) | _numbers(files, _TOMBSTONE), default=0) + 1
        while True:
            numbered = replace(manifest, version=number)
            if self._create(self._version_path(manifest.name, number), encode_manifest(numbered)):
                return numbered
            number += 1

    def _version_path(self, name: str, version: int) -> str:
        return f"{self._root}/{name}/versions/{version}.json"

    def _blob_path(self, name: str, blob: Blob) -> str:
        return f"{self._root}/{name}/blobs/{blob.sha256}"

    def _alias_path(self, name: str, alias: str, sequence: int) -> str:
        return f"{self._root}/{name}/aliases/{alias}/{sequence}.json"

    def _last_sequence(self, name: str, alias: str) -> int:
        check_model_name(name)
        check_alias(alias)
        return max(_numbers(self._list(f"{self._root}/{name}/aliases/{alias}"), _MANIFEST), default=0)

    def _read_alias(self, name: str, alias: str, sequence: int) -> AliasEntry:
        try:
            content = msgspec.json.decode(self._read(self._alias_path(name, alias, sequence)))
            return msgspec.convert({**content, "sequence": sequence}, AliasEntry)
        except (msgspec.MsgspecError, TypeError) as error:
            raise ModelRejected(f"entry {sequence} of alias {alias!r} of {name} cannot be used: {error}") from error

    def _describe_missing(self, name: str, known: tuple[int, ...], version: int = 1) -> str:
        if not known:
            return f"the model store {self.url} has no model {name!r}; publish it: scoreline models publish {name} FILE"
        listed = ", ".join(map(str, known[-_SHOWN:]))
        return f"there is no version {version} of {name}; the latest are {listed}"

    def _describe_missing_alias(self, name: str, alias: str) -> str:
        return f"{name} has no alias {alias!r}; set it: scoreline models alias {name} {alias} {self.latest(name)}"

    def _list(self, folder: str) -> list[str]:
        """Names in a folder; empty when there is no such folder."""
        with self._named_errors(folder):
            try:
                entries: list[Any] = self._files.ls(folder, detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return [str(entry).rstrip("/").rpartition("/")[2] for entry in entries]

    def _read(self, path: str) -> bytes:
        with self._named_errors(path):
            return bytes(self._files.cat_file(path))

    def _create(self, path: str, data: bytes) -> bool:
        """Write a file that is not there yet; False when it is."""
        with self._named_errors(path):
            if isinstance(self._files, LocalFileSystem):
                return create_file(Path(path), data)
            try:
                self._files.pipe_file(path, data, mode="create")
            except FileExistsError:
                return False
        return True

    @contextmanager
    def _named_errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ModelNotFound(f"the model store has no {path}") from error
        except PermissionError as error:
            raise Refused(f"the model store refuses {path}: {error}") from error
        except OSError as error:
            raise Unavailable(f"the model store {self.url} cannot be reached: {error}") from error


def check_blob(data: bytes, blob: Blob) -> None:
    """Refuse content that is not what its manifest says.

    Raises:
        ModelRejected: the size or the sha256 differs.
    """
    if len(data) != blob.size:
        raise ModelRejected(f"blob {blob.sha256[:12]}… has {len(data)} bytes, but should have {blob.size}")
    actual = Blob.of(data).sha256
    if actual != blob.sha256:
        raise ModelRejected(f"blob {blob.sha256[:12]}… has the sha256 {actual[:12]}…: it was changed or damaged")


def _numbers(files: list[str], pattern: re.Pattern[str]) -> set[int]:
    return {int(match[1]) for match in map(pattern.fullmatch, files) if match}
