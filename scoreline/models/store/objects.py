"""The port of the model store: files that are created once. Whatever gives these three operations can hold models."""

from typing import Protocol


class ObjectStore(Protocol):
    """Files below one place, by paths relative to it (`a/b/c`). Safe to use from several threads and processes at once.

    All that the model store promises rests on `create`. `scoreline.testing.stores` has the suite that every
    implementation must pass; the entry point group `scoreline.model_stores` makes one known by the scheme of its URLs.
    """

    def list(self, folder: str = "") -> list[str]:
        """Names of the files and folders in a folder, in any order; empty when there is no such folder.

        What was created before is in it, whoever created it: a number that is taken may not look free.

        Raises:
            Unavailable, Refused: the store is away or refuses.
        """
        ...

    def read(self, file: str) -> bytes:
        """A file's content.

        Raises:
            ModelNotFound: the store has answered, and has no such file.
            ModelRejected: there is a folder in its place, or a file in the place of its folder.
            Unavailable, Refused: the store is away or refuses.
        """
        ...

    def create(self, file: str, data: bytes) -> bool:
        """Write a file that is not there yet, and the folders above it; readers see it whole or not at all.

        Returns:
            Whether this call has created it: True for exactly one of several, however many write at once. False when it
            is there; it stays as it is.

        Raises:
            Unavailable, Refused: the store is away or refuses; whether the file is there now is not known.
        """
        ...
