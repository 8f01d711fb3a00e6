"""The model store: versions, blobs and aliases, each a file that is created once and never changed.

Publishers and readers need no lock, no rename and no compare-and-swap: who loses the race for a number takes the next.
"""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from scoreline.config.urls import mask_url
from scoreline.errors import ConfigError, ModelNotFound, ModelRejected
from scoreline.models.manifest import Blob, Manifest, decode_manifest, encode_manifest
from scoreline.models.names import check_alias, check_model_name, is_model_name
from scoreline.models.routes import Route, find_naming
from scoreline.models.store.aliases import AliasEntry, Aliases
from scoreline.models.store.objects import ObjectStore
from scoreline.models.store.opening import open_objects
from scoreline.models.store.recalling import Outage
from scoreline.records import Clock

_MANIFEST = re.compile(r"([1-9][0-9]*)\.json")
_SHOWN = 5
_TOMBSTONE = re.compile(r"([1-9][0-9]*)\.deleted\.json")


class ModelStore:
    """A store at a folder or an fsspec URL. Safe to use from several threads and processes at once."""

    def __init__(self, url: str, *, objects: ObjectStore | None = None, wall_clock: Clock = time.time) -> None:
        """Name the place; nothing is read or written yet.

        Args:
            url: a folder, or a URL whose scheme fsspec or an entry point of `scoreline.model_stores` knows.
            objects: what holds the files, in place of what the URL means.
            wall_clock: seconds since the epoch.

        Raises:
            ConfigError: the URL's scheme is unknown, or needs an extra that is not installed.
        """
        self.url = mask_url(url)
        self._wall_clock = wall_clock
        self._objects = objects if objects is not None else open_objects(url)
        self._aliases = Aliases(self._objects, self.now)

    @property
    def outage(self) -> Outage | None:
        """Why something else than the store answers; None while it does itself, as here always."""
        return None

    def refresh(self) -> None:
        """Find out whether a store that is away is back; nothing to do where the store itself always answers."""

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

    def aliases(self, name: str) -> dict[str, Route]:
        """What each alias means now.

        Raises:
            ModelRejected: an alias is damaged.
        """
        check_model_name(name)
        latest = {alias: self._aliases.latest(name, alias) for alias in self._aliases.names(name)}
        return {alias: entry.route for alias, entry in latest.items() if entry is not None}

    def alias(self, name: str, alias: str) -> Route:
        """What an alias means now.

        Raises:
            ModelNotFound: there is no such alias; the message has the command that sets it.
            ModelRejected: the alias is damaged.
        """
        entry = self._aliases.latest(name, alias)
        if entry is None:
            raise ModelNotFound(self._describe_missing_alias(name, alias))
        return entry.route

    def history(self, name: str, alias: str) -> tuple[AliasEntry, ...]:
        """Everything that an alias has meant, oldest first.

        Raises:
            ModelRejected: an entry is damaged.
        """
        return self._aliases.history(name, alias)

    def set_alias(self, name: str, alias: str, meaning: int | Route, *, by: str) -> None:
        """Make an alias mean a version, or a route over several, from now on.

        Raises:
            ConfigError: no alias may be called so.
            ModelNotFound: there is no such version.
            ModelRejected: one was deleted at the same moment.
        """
        check_alias(alias)
        route = Route.to(meaning) if isinstance(meaning, int) else meaning
        for version in route.versions:
            self.find(name, version)
        sequence = self._aliases.last_sequence(name, alias) + 1
        while not self._aliases.append(name, alias, sequence, route, by=by, repeats=None):
            sequence += 1
        self._check_still_there(name, alias, route)

    def rollback(self, name: str, alias: str, *, by: str) -> AliasEntry:
        """Make an alias mean what it meant before its last change; once more, and it is what it meant before that.

        Returns:
            The entry that it has gone back to.

        Raises:
            ModelNotFound: there is no such alias, it never meant anything else, or a version of that was deleted.
            ModelRejected: an entry is damaged, or a version was deleted at the same moment.
        """
        while True:
            now = self._aliases.latest(name, alias)
            if now is None:
                raise ModelNotFound(self._describe_missing_alias(name, alias))
            # Read only as far back as it takes: an older entry may be damaged.
            before = (self._aliases.read(name, alias, each) for each in range((now.repeats or now.sequence) - 1, 0, -1))
            origin = next((entry for entry in before if entry.route != now.route), None)
            if origin is None:
                raise ModelNotFound(f"there is no way back: {alias} of {name} has meant nothing before {now.route}")
            deleted = sorted(set(origin.route.versions) - set(self.versions(name)))
            if deleted:
                raise ModelNotFound(
                    f"{alias} of {name} meant {origin.route} before, but version {deleted[0]} was deleted; say what it "
                    f"is to mean: scoreline models alias {name} {alias} VERSION"
                )
            repeats = origin.repeats or origin.sequence
            # Only as the very next entry: what somebody else has said meanwhile is not to be undone unseen.
            if self._aliases.append(name, alias, now.sequence + 1, origin.route, by=by, repeats=repeats):
                self._check_still_there(name, alias, origin.route)
                return origin

    def delete(self, name: str, version: int, *, by: str) -> None:
        """Take a version out of use; its number is never used again. Its blobs stay: other versions may share them.

        Raises:
            ModelNotFound: there is no such version.
            ConfigError: an alias names it, be it as a shadow.
            ModelRejected: an alias was made to name it at the same moment, and has to be moved on.
        """
        self.find(name, version)
        naming = find_naming(self.aliases(name), version)
        if naming:
            raise ConfigError(
                f"version {version} of {name} is what {', '.join(naming)} means, or a part of it; make that mean "
                f"another one first: scoreline models alias {name} {naming[0]} VERSION"
            )
        data = msgspec.json.encode({"deleted_at": self.now(), "by": by})
        if not self._objects.create(f"{name}/versions/{version}.deleted.json", data):
            raise ModelNotFound(self._describe_missing(name, self.versions(name), version))
        naming = find_naming(self.aliases(name), version)
        if naming:
            raise ModelRejected(
                f"version {version} of {name} was deleted while {', '.join(naming)} was made to mean it; make that "
                f"mean another one: scoreline models alias {name} {naming[0]} VERSION"
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

    def _check_still_there(self, name: str, alias: str, route: Route) -> None:
        """No store needs compare-and-swap: whoever comes second finds out, here or in `delete`."""
        deleted = sorted(set(route.versions) - set(self.versions(name)))
        if deleted:
            raise ModelRejected(
                f"version {deleted[0]} of {name} was deleted while {alias} was made to mean it; make that mean another "
                f"one: scoreline models alias {name} {alias} VERSION"
            )

    def _version_path(self, name: str, version: int) -> str:
        return f"{name}/versions/{version}.json"

    def _blob_path(self, name: str, blob: Blob) -> str:
        return f"{name}/blobs/{blob.sha256}"

    def _describe_missing(self, name: str, known: tuple[int, ...], version: int = 1) -> str:
        if not known:
            return f"the model store {self.url} has no model {name!r}; publish it: scoreline models publish {name} FILE"
        listed = ", ".join(map(str, known[-_SHOWN:]))
        return f"there is no version {version} of {name}; the latest are {listed}"

    def _describe_missing_alias(self, name: str, alias: str) -> str:
        return f"{name} has no alias {alias!r}; set it: scoreline models alias {name} {alias} {self.latest(name)}"


def _numbers(files: list[str], pattern: re.Pattern[str]) -> set[int]:
    return {int(match[1]) for match in map(pattern.fullmatch, files) if match}
