"""A store that goes away and comes back, and what a service sees of it."""

from pathlib import Path

from scoreline.errors import Unavailable
from scoreline.models.store import ModelStore, RememberedStore
from scoreline.models.store.fsspec_objects import FsspecObjects
from tests.models.builders import MANIFEST


class Shaky:
    """An `ObjectStore` over a folder that raises `error` while there is one, and counts how often it is asked."""

    def __init__(self, url):
        self._objects = FsspecObjects(url)
        self.error = None
        self.asked = 0

    def _answer(self, ask):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return ask()

    def list(self, folder=""):
        return self._answer(lambda: self._objects.list(folder))

    def read(self, file):
        return self._answer(lambda: self._objects.read(file))

    def create(self, file, data):
        return self._answer(lambda: self._objects.create(file, data))


class Told:
    """A `StoreObserver` that keeps what it is told."""

    def __init__(self):
        self.events = []

    def store_away(self, outage):
        self.events.append(("away", outage.detail))

    def store_back(self, outage):
        self.events.append(("back", outage.detail))

    def not_remembered(self, detail):
        self.events.append(("not remembered", detail))


class World:
    """A store, what a service sees of it, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder / "store")
        self.store = ModelStore(self.url)
        self.now = 100.0
        self.restart()

    def restart(self) -> None:
        """The service's memory of its own is gone; what it has written stays."""
        self.told = Told()
        self.objects = Shaky(self.url)
        self.seen = RememberedStore(
            self.url,
            self.folder / "cache",
            objects=self.objects,
            observers=(self.told,),
            clock=lambda: self.now,
        )

    def restart_without_store(self, error=None) -> None:
        self.restart()
        self.objects.error = error or Unavailable("gone")


def publish(world, alias="production"):
    version = world.store.add_version(MANIFEST).version
    if alias:
        world.store.set_alias("flights", alias, version, by="me")
    return version


def ask_everything(store):
    return (
        store.names(),
        store.versions("flights"),
        store.latest("flights"),
        store.aliases("flights"),
        store.alias("flights", "production"),
        store.manifest("flights", 1),
    )
