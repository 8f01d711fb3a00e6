"""How many bodies of one kind may arrive at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from scoreline.errors import Overloaded


class UploadPlaces:
    """A bounded number of places; use it from one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """A place for the time of one upload.

        Raises:
            Overloaded: all are taken.
        """
        if self._taken >= self._most:
            raise Overloaded(f"{self._taken} jobs are being uploaded already, which is all that are allowed")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
