"""What this machine keeps of model stores: contents by their sha256, and what was found out about them here."""

import hashlib
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from scoreline import __version__
from scoreline.errors import ModelRejected, Refused, Unavailable
from scoreline.features import FeatureSet
from scoreline.models.best_effort import BestEffort, CacheObserver
from scoreline.models.files import replace_file
from scoreline.models.manifest import Blob


class ModelCache:
    """Contents and results of checks in one folder. Safe to share between threads and processes.

    A folder that cannot be used is as good as an empty one: models come from the store then, and are probed each time.
    """

    def __init__(self, folder: Path, *, observers: tuple[CacheObserver, ...] = ()) -> None:
        """Name the folder; it is made when something is kept.

        Args:
            observers: told once when the folder cannot be used.
        """
        self._folder = folder
        self._effort = BestEffort(observers)

    def find(self, blob: Blob) -> bytes | None:
        """The content of a blob; None when it is not here, or what is here is damaged."""
        return self._effort.find(lambda: self._find(blob))

    def keep(self, blob: Blob, data: bytes) -> None:
        """Keep a content that has been checked, if that is possible."""
        self._effort.keep(lambda: _replace(self._blob_path(blob), data))

    def was_probed(self, model: Blob, features: FeatureSet, runtime: str) -> bool:
        """Whether this model is known to have passed in a child process, on this machine, with these features.

        Args:
            runtime: what loads it, with its versions (`ModelFormat.runtime`).
        """
        return bool(self._effort.find(lambda: _exists(self._probe_path(model, features, runtime))))

    def remember_probed(self, model: Blob, features: FeatureSet, runtime: str) -> None:
        """Note that this model has passed in a child process, if that is possible; as in `was_probed`."""
        path = self._probe_path(model, features, runtime)
        self._effort.keep(lambda: _replace(path, _environment(runtime).encode()))

    def _find(self, blob: Blob) -> bytes | None:
        with named_cache_errors():
            try:
                data = self._blob_path(blob).read_bytes()
            except FileNotFoundError:
                return None
        try:
            blob.check(data)
        except ModelRejected:
            return None  # as good as not there: the caller fetches it again and replaces it
        return data

    def _blob_path(self, blob: Blob) -> Path:
        return self._folder / "blobs" / blob.sha256

    def _probe_path(self, model: Blob, features: FeatureSet, runtime: str) -> Path:
        content = msgspec.json.encode((_environment(runtime), features.features))
        return self._folder / "probed" / f"{model.sha256}-{hashlib.sha256(content).hexdigest()[:32]}"


@contextmanager
def named_cache_errors(what: str = "", *, describe: Callable[[OSError], str] = str) -> Iterator[None]:
    """Give what the operating system says of the cache folder a name, and the way out.

    Args:
        what: is to be kept there, for people; empty where that need not be said.
        describe: what of the system's own words may be told.

    Raises:
        Refused, Unavailable: in place of an OSError.
    """
    advice = "; SCORELINE_CACHE_DIR names another folder"
    try:
        yield
    except PermissionError as error:
        refused = f" {what}" if what else ""
        raise Refused(f"the cache folder refuses{refused}: {describe(error)}{advice}") from error
    except OSError as error:
        purpose = f" for {what}" if what else ""
        raise Unavailable(f"the cache folder cannot be used{purpose}: {describe(error)}{advice}") from error


def _replace(path: Path, data: bytes) -> bool:
    with named_cache_errors():
        replace_file(path, data)
    return True


def _exists(path: Path) -> bool:
    with named_cache_errors():
        return path.exists()


def _environment(runtime: str) -> str:
    """What decides whether a probe's result still holds."""
    system = os.uname()
    return f"{runtime}, scoreline {__version__}, {system.sysname} {system.machine} {platform.node()}"
