"""A model store that goes on answering what it was asked before, from this machine's memory, while it is away."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scoreline.config.urls import mask_url
from scoreline.errors import ModelNotFound, Unavailable
from scoreline.models.best_effort import BestEffort
from scoreline.models.manifest import Manifest
from scoreline.models.routes import Route
from scoreline.models.store.fsspec_objects import FsspecObjects
from scoreline.models.store.memory import StoreMemory
from scoreline.models.store.model_store import ModelStore
from scoreline.models.store.objects import ObjectStore
from scoreline.models.store.opening import open_objects
from scoreline.models.store.presence import PresentObjects
from scoreline.models.store.recalling import Outage, RecallingObjects, StoreObserver
from scoreline.records import Clock


class RememberedStore(ModelStore):
    """A `ModelStore` for those who serve. Blobs are not remembered here: `ModelCache` has them.

    As long as the store answers, it decides: what it says is missing, is missing. While it is away, manifests, aliases
    and lists are what they were when they were last read here. Memory proves nothing missing, so that is `Unavailable`
    then. Writes always go to the store. One that is gone or empty, although there were models in it, is away too.
    """

    def __init__(
        self,
        url: str,
        cache_folder: Path,
        *,
        observers: tuple[StoreObserver, ...] = (),
        objects: ObjectStore | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Name the places; nothing is read or written yet.

        Args:
            url: see `ModelStore`.
            cache_folder: what this machine keeps of all stores; shared with `ModelCache`.
            observers: told when the store goes away, when it is back, and when nothing can be remembered.
            objects: see `ModelStore`.
            clock: monotonic seconds.

        Raises:
            ConfigError: the URL's scheme is unknown, or needs an extra that is not installed.
            Refused: the environment names an endpoint that is none.
        """
        asked = objects if objects is not None else open_objects(url)
        place = asked.place if isinstance(asked, FsspecObjects) else mask_url(url)
        memory, effort = StoreMemory(cache_folder, place), BestEffort(observers)
        present = PresentObjects(asked, memory, effort, place)
        self._recalling = RecallingObjects(present, memory, effort, observers=observers, clock=clock)
        super().__init__(url, objects=self._recalling)

    @property
    def outage(self) -> Outage | None:
        """Why memory answers now; None while the store does."""
        return self._recalling.outage

    def refresh(self) -> None:
        """See `ModelStore.refresh`; may take as long as the store's time-outs, and nobody else waits for that."""
        self._recalling.ask_again()

    def latest(self, name: str) -> int:
        """See `ModelStore.latest`."""
        with self._absence_proved():
            return super().latest(name)

    def find(self, name: str, version: int) -> None:
        """See `ModelStore.find`."""
        with self._absence_proved():
            super().find(name, version)

    def manifest(self, name: str, version: int) -> Manifest:
        """See `ModelStore.manifest`."""
        with self._absence_proved():
            return super().manifest(name, version)

    def alias(self, name: str, alias: str) -> Route:
        """See `ModelStore.alias`."""
        with self._absence_proved():
            return super().alias(name, alias)

    @contextmanager
    def _absence_proved(self) -> Iterator[None]:
        try:
            yield
        except ModelNotFound as error:
            outage = self.outage
            if outage is not None:
                raise Unavailable(f"{outage.detail}; as far as this machine remembers: {error}") from error
            raise
