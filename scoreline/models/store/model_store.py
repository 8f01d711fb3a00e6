"""The model store: versions, blobs and aliases, each a file that is created once and never changed.

Publishers and readers need no lock, no rename and no compare-and-swap: who loses the race for a number takes the next.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from scoreline.errors import ConfigError, ModelNotFound, ModelRejected
from scoreline.models.manifest import Blob, Manifest, decode_manifest, encode_manifest
from scoreline.models.names import check_alias, check_model_name, is_alias, is_model_name
from scoreline.models.store.objects import Objects
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
        repeats: sequence of the entry that a rollback went back to, None for any other change.
    """

    version: int
    set_at: str
    by: str
    sequence: int = 0
    repeats: int | None = None


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
        self._objects = Objects(url)

    def now(self) -> str:
        """The current time, ISO 8601 in UTC, to the second."""
        return datetime.fromtimestamp(self._wall_clock(), UTC).isoformat(timespec="seconds")

    def names(self) -> tuple[str, ...]:
        """Models that have at least one version, sorted."""
        found = (name for name in self._objects.list() if is_model_name(name))
        return tuple(sorted(name for name in found if self.versions(name)))

    def versions(self, name: str) -> tuple[int, ...]:
        """Numbers of the versions that were not deleted, ascending; empty when there is no such model."""
        check_model_name(name)
        files = self._objects.list(f"{name}/versions")
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
        return decode_manifest(self._objects.read(self._version_path(name, version)), name=name, version=version)

    def read_blob(self, name: str, blob: Blob) -> bytes:
        """The content of a blob, after its size and sha256 have been checked.

        Raises:
            ModelRejected: it is missing, or is not what the manifest says.
        """
        try:
            data = self._objects.read(self._blob_path(name, blob))
        except ModelNotFound as error:
            raise ModelRejected(f"a blob of {name} is missing from the store: {blob.sha256}") from error
        blob.check(data)
        return data

    def aliases(self, name: str) -> dict[str, int]:
        """Versions by alias.

        Raises:
            ModelRejected: an alias is damaged.
        """
        check_model_name(name)
        found = sorted(alias for alias in self._objects.list(f"{name}/aliases") if is_alias(alias))
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
            ModelRejected: it was deleted at the same moment.
        """
        check_alias(alias)
        self.find(name, version)
        sequence = self._last_sequence(name, alias) + 1
        while not self._append(name, alias, sequence, {"version": version, "by": by}):
            sequence += 1
        self._check_still_there(name, alias, version)

    def rollback(self, name: str, alias: str, *, by: str) -> AliasEntry:
        """Make an alias mean what it meant before its last change; once more, and it is what it meant before that.

        Returns:
            The entry that it has gone back to.

        Raises:
            ModelNotFound: there is no such alias, it never meant anything else, or that version was deleted.
            ModelRejected: an entry is damaged, or the version was deleted at the same moment.
        """
        while True:
            entries = self.history(name, alias)
            if not entries:
                raise ModelNotFound(self._describe_missing_alias(name, alias))
            now = entries[-1]
            earlier = [e for e in entries[: (now.repeats or now.sequence) - 1] if e.version != now.version]
            if not earlier:
                raise ModelNotFound(f"{alias} of {name} has meant version {now.version} from the start: no way back")
            origin = earlier[-1]
            if origin.version not in self.versions(name):
                raise ModelNotFound(
                    f"{alias} of {name} meant version {origin.version} before, which was deleted; say what it is to "
                    f"mean: scoreline models alias {name} {alias} VERSION"
                )
            change = {"version": origin.version, "by": by, "repeats": origin.repeats or origin.sequence}
            # Only as the very next entry: what somebody else has said meanwhile is not to be undone unseen.
            if self._append(name, alias, now.sequence + 1, change):
                self._check_still_there(name, alias, origin.version)
                return origin

    def delete(self, name: str, version: int, *, by: str) -> None:
        """Take a version out of use; its number is never used again. Its blobs stay: other versions may share them.

        Raises:
            ModelNotFound: there is no such version.
            ConfigError: an alias means it.
            ModelRejected: an alias was made to mean it at the same moment, and has to be moved on.
        """
        self.find(name, version)
        meaning = self._aliases_of(name, version)
        if meaning:
            raise ConfigError(
                f"version {version} of {name} is what {', '.join(meaning)} means; make that mean another one first: "
                f"scoreline models alias {name} {meaning[0]} VERSION"
            )
        data = msgspec.json.encode({"deleted_at": self.now(), "by": by})
        if not self._objects.create(f"{name}/versions/{version}.deleted.json", data):
            raise ModelNotFound(self._describe_missing(name, self.versions(name), version))
        meaning = self._aliases_of(name, version)
        if meaning:
            raise ModelRejected(
                f"version {version} of {name} was deleted while {', '.join(meaning)} was made to mean it; make that "
                f"mean another one: scoreline models alias {name} {meaning[0]} VERSION"
            )

    def add_blob(self, name: str, data: bytes) -> Blob:
        """Keep a content; one that is there already is checked and kept.

        Raises:
            ModelRejected: the store holds something else under its sha256.
        """
        check_model_name(name)
        blob = Blob.of(data)
        if not self._objects.create(self._blob_path(name, blob), data):
            self.read_blob(name, blob)
        return blob

    def add_version(self, manifest: Manifest) -> Manifest:
        """Commit a manifest under the next free number, whatever number it has, and return it with that number."""
        check_model_name(manifest.name)
        files = self._objects.list(f"{manifest.name}/versions")
        number = max(_numbers(files, _MANIFEST) | _numbers(files, _TOMBSTONE), default=0) + 1
        while True:
            numbered = replace(manifest, version=number)
            if self._objects.create(self._version_path(manifest.name, number), encode_manifest(numbered)):
                return numbered
            number += 1

    def _append(self, name: str, alias: str, sequence: int, change: Mapping[str, object]) -> bool:
        """An entry of an alias; False where that number is taken."""
        data = msgspec.json.encode({**change, "set_at": self.now()})
        return self._objects.create(self._alias_path(name, alias, sequence), data)

    def _check_still_there(self, name: str, alias: str, version: int) -> None:
        """No store needs compare-and-swap: whoever comes second finds out, here or in `delete`."""
        if version not in self.versions(name):
            raise ModelRejected(
                f"version {version} of {name} was deleted while {alias} was made to mean it; make that mean another "
                f"one: scoreline models alias {name} {alias} VERSION"
            )

    def _aliases_of(self, name: str, version: int) -> list[str]:
        return [alias for alias, meant in self.aliases(name).items() if meant == version]

    def _version_path(self, name: str, version: int) -> str:
        return f"{name}/versions/{version}.json"

    def _blob_path(self, name: str, blob: Blob) -> str:
        return f"{name}/blobs/{blob.sha256}"

    def _alias_path(self, name: str, alias: str, sequence: int) -> str:
        return f"{name}/aliases/{alias}/{sequence}.json"

    def _last_sequence(self, name: str, alias: str) -> int:
        check_model_name(name)
        check_alias(alias)
        return max(_numbers(self._objects.list(f"{name}/aliases/{alias}"), _MANIFEST), default=0)

    def _read_alias(self, name: str, alias: str, sequence: int) -> AliasEntry:
        try:
            content = msgspec.json.decode(self._objects.read(self._alias_path(name, alias, sequence)))
            return msgspec.convert({**content, "sequence": sequence}, AliasEntry)
        except (msgspec.MsgspecError, TypeError, RecursionError) as error:
            raise ModelRejected(f"entry {sequence} of alias {alias!r} of {name} cannot be used: {error}") from error

    def _describe_missing(self, name: str, known: tuple[int, ...], version: int = 1) -> str:
        if not known:
            return f"the model store {self.url} has no model {name!r}; publish it: scoreline models publish {name} FILE"
        listed = ", ".join(map(str, known[-_SHOWN:]))
        return f"there is no version {version} of {name}; the latest are {listed}"

    def _describe_missing_alias(self, name: str, alias: str) -> str:
        return f"{name} has no alias {alias!r}; set it: scoreline models alias {name} {alias} {self.latest(name)}"


def _numbers(files: list[str], pattern: re.Pattern[str]) -> set[int]:
    return {int(match[1]) for match in map(pattern.fullmatch, files) if match}
