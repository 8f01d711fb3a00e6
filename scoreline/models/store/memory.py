"""What this machine remembers of a model store: the files that it has read there, and the names that it has seen."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scoreline.models.cache import named_cache_errors
from scoreline.models.files import replace_file
from scoreline.models.names import is_model_name

_FILES = "files"
_NAMES = ".names"
"""No model, alias or file of a store begins with a dot."""


class StoreMemory:
    """A folder of its own for each store. Safe to share between threads and processes.

    What is damaged is as good as not there. Nothing is written that is there already.
    """

    def __init__(self, cache_folder: Path, place: str) -> None:
        """Name the folder; it is made when something is kept.

        Args:
            cache_folder: what this machine keeps of all stores.
            place: what the store is known by.
        """
        self._folder = cache_folder / "stores" / hashlib.sha256(place.encode()).hexdigest()[:32]

    def find_names(self, folder: str) -> list[str] | None:
        """What a folder of the store held when it was last listed; None when it never was.

        Raises:
            Refused, Unavailable: the cache folder cannot be used.
        """
        data = self._find(self._names_path(folder))
        return None if data is None else msgspec.json.decode(data, type=list[str])

    def keep_names(self, folder: str, names: Sequence[str]) -> bool:
        """Remember what a folder of the store holds.

        Nothing in it is only remembered where that corrects something, or of a model that is known: whoever asks for
        names that do not exist is not to fill the disk.

        Returns:
            Whether something was written.

        Raises:
            Refused, Unavailable: the cache folder cannot be used.
        """
        if not names and self.find_names(folder) is None and not self._may_be_empty(folder):
            return False
        return self._keep(self._names_path(folder), msgspec.json.encode(sorted(names)))

    def find_file(self, file: str) -> bytes | None:
        """The content of a file of the store; None when it was never read.

        Raises:
            Refused, Unavailable: the cache folder cannot be used.
        """
        return self._find(self._file_path(file))

    def keep_file(self, file: str, data: bytes) -> bool:
        """Remember the content of a file of the store.

        Returns:
            Whether something was written.

        Raises:
            Refused, Unavailable: the cache folder cannot be used.
        """
        return self._keep(self._file_path(file), data)

    def knows_content(self) -> bool:
        """Whether the store is known to have held anything.

        Raises:
            Refused, Unavailable: the cache folder cannot be used.
        """
        with named_cache_errors():
            has_files = (self._folder / _FILES).exists()
        return has_files or any(map(is_model_name, self.find_names("") or ()))

    def _may_be_empty(self, folder: str) -> bool:
        """Whether it is `<model>/versions` or `<model>/aliases` of a model that the store lists."""
        name, _, rest = folder.partition("/")
        return "/" not in rest and name in (self.find_names("") or ())

    def _names_path(self, folder: str) -> Path:
        return self._folder / "listings" / folder / _NAMES

    def _file_path(self, file: str) -> Path:
        return self._folder / _FILES / file

    def _find(self, path: Path) -> bytes | None:
        with named_cache_errors():
            try:
                checksum, _, data = path.read_bytes().partition(b"\n")
            except FileNotFoundError:
                return None
        return data if checksum == _checksum(data) else None

    def _keep(self, path: Path, data: bytes) -> bool:
        # A look at an alias every few seconds is not to wear out the disk, nor to fail where it is full.
        if self._find(path) == data:
            return False
        with named_cache_errors():
            replace_file(path, _checksum(data) + b"\n" + data)
        return True


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
