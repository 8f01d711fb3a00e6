"""Files that are created once, in a folder or an object store: all that a model store asks of fsspec."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from scoreline.errors import ConfigError, ModelNotFound, ModelRejected, Refused, Unavailable
from scoreline.models.files import create_file


class Objects:
    """Files below one URL, by paths relative to it. Safe to use from several threads and processes at once."""

    def __init__(self, url: str) -> None:
        """Name the place; nothing is read or written yet.

        Raises:
            ConfigError: the URL's scheme is unknown, or needs an extra that is not installed.
        """
        self._url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise ConfigError(f"the model store {url!r} cannot be used: {error}") from error

    def list(self, folder: str = "") -> list[str]:
        """Names in a folder, in any order; empty when there is no such folder.

        Raises:
            Unavailable, Refused: the store is away or refuses.
        """
        path = f"{self._root}/{folder}".rstrip("/")
        with self._named_errors(path):
            try:
                entries: list[Any] = self._files.ls(path, detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return [str(entry).rstrip("/").rpartition("/")[2] for entry in entries]

    def read(self, file: str) -> bytes:
        """A file's content.

        Raises:
            ModelNotFound: there is no such file.
            ModelRejected: there is a folder in its place, or a file in the place of its folder.
            Unavailable, Refused: the store is away or refuses.
        """
        path = f"{self._root}/{file}"
        with self._named_errors(path):
            return bytes(self._files.cat_file(path))

    def create(self, file: str, data: bytes) -> bool:
        """Write a file that is not there yet; readers see it whole or not at all.

        Returns:
            False when it is there; it stays as it is.

        Raises:
            Unavailable, Refused: the store is away or refuses.
        """
        path = f"{self._root}/{file}"
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
        except (IsADirectoryError, NotADirectoryError) as error:
            raise ModelRejected(f"{path} of the model store is no file, but should be one: {error.strerror}") from error
        except PermissionError as error:
            raise Refused(f"the model store refuses {path}: {error}") from error
        except OSError as error:
            raise Unavailable(f"the model store {self._url} cannot be reached: {error}") from error
