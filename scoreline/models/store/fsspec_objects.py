"""Folders and fsspec's URLs as the model store sees them: create-only writes, and errors that have a name."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from scoreline.config.urls import has_credentials, hide_credentials, mask_url
from scoreline.errors import ConfigError, ModelNotFound, ModelRejected, Refused, ServiceError, Unavailable
from scoreline.models.files import create_file
from scoreline.models.store import s3

Create = Callable[[Any, str, bytes], bool]


class FsspecObjects:
    """An `ObjectStore` in a folder, in memory, on S3, or wherever else fsspec has a driver that can create only."""

    def __init__(self, url: str) -> None:
        """Name the place; nothing is read or written yet.

        Raises:
            ConfigError: the URL's scheme is unknown, needs an extra that is not installed, or overwrites what is there.
        """
        self._url = url
        self._shown = mask_url(url)
        self._secret = has_credentials(url)
        self._on_s3 = s3.is_s3(url)
        try:
            if self._on_s3:
                self._files, self._root = s3.open_files(url)
            else:
                self._files, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise ConfigError(f"the model store {self._shown} cannot be used: {self._describe(error)}") from error
        self._create = self._choose_create()

    @property
    def place(self) -> str:
        """Where the files are, the same in every process: an absolute folder, or a URL with the endpoint that is asked.

        Raises:
            Refused: no endpoint can be made of what the environment says.
        """
        if isinstance(self._files, LocalFileSystem):
            return str(Path(self._root).absolute())
        if not self._on_s3:
            return self._shown
        with self._named_errors(self._root):
            return f"{s3.find_endpoint(self._files)} {self._root}"

    def list(self, folder: str = "") -> list[str]:
        """See `ObjectStore.list`."""
        path = f"{self._root}/{folder}".rstrip("/")
        with self._named_errors(path):
            try:
                entries: list[Any] = self._files.ls(path, detail=False)
            except (FileNotFoundError, NotADirectoryError) as error:
                if self._on_s3 and s3.lacks_bucket(error):
                    raise
                return []
        return [str(entry).rstrip("/").rpartition("/")[2] for entry in entries]

    def read(self, file: str) -> bytes:
        """See `ObjectStore.read`."""
        path = f"{self._root}/{file}"
        with self._named_errors(path):
            return bytes(self._files.cat_file(path))

    def create(self, file: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        path = f"{self._root}/{file}"
        with self._named_errors(path):
            return self._create(self._files, path, data)

    def _choose_create(self) -> Create:
        if isinstance(self._files, LocalFileSystem):
            return _create_in_folder
        if isinstance(self._files, MemoryFileSystem):
            return _create_in_memory
        writer = getattr(self._files, "_pipe_file", self._files.pipe_file)
        if "mode" not in inspect.signature(writer).parameters:
            # It would take the word for an option of its own, and overwrite.
            raise ConfigError(
                f"the model store {self._shown} cannot be used: {type(self._files).__name__} of this version cannot "
                "write a file only where there is none; a newer one may"
            )
        return s3.create if self._on_s3 else _create_by_driver

    @contextmanager
    def _named_errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except ServiceError:
            raise
        except (IsADirectoryError, NotADirectoryError) as error:
            raise ModelRejected(f"{path} of the model store is no file, but should be one: {error.strerror}") from error
        except Exception as error:  # noqa: BLE001 - raised again under a name
            # A driver raises whatever its client library does.
            named = (self._on_s3 and s3.name_error(error)) or _name_error(error)
            texts = {
                ModelNotFound: f"the model store has no {path}",
                Refused: f"the model store {self._shown} refuses: {self._describe(error)}",
                Unavailable: f"the model store {self._shown} cannot be reached: {self._describe(error)}",
            }
            raise named(hide_credentials(self._url, texts[named])) from (None if self._secret else error)

    def _describe(self, error: Exception) -> str:
        told = s3.describe(error) if self._on_s3 else str(error)
        return hide_credentials(self._url, told or type(error).__name__)


def _name_error(error: Exception) -> type[ModelNotFound | Refused | Unavailable]:
    if isinstance(error, FileNotFoundError):
        return ModelNotFound
    return Refused if isinstance(error, PermissionError) else Unavailable


def _create_in_folder(_: Any, path: str, data: bytes) -> bool:
    return create_file(Path(path), data)


def _create_in_memory(files: MemoryFileSystem, path: str, data: bytes) -> bool:
    # Its own create-only looks first and writes then: two threads could both find nothing.
    mine = MemoryFile(files, path, data)
    return files.store.setdefault(path, mine) is mine


def _create_by_driver(files: Any, path: str, data: bytes) -> bool:
    try:
        files.pipe_file(path, data, mode="create")
    except FileExistsError:
        return False
    return True
