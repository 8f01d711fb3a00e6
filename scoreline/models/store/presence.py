"""Tells a store that has nothing from one that is not there: a folder whose file system is not mounted looks empty."""

from scoreline.errors import ModelNotFound, Unavailable
from scoreline.models.best_effort import BestEffort
from scoreline.models.names import is_model_name
from scoreline.models.store.memory import StoreMemory
from scoreline.models.store.objects import ObjectStore


class PresentObjects:
    """An `ObjectStore` over another one, whose emptiness is believed only where nobody has seen anything in it.

    What it does not find costs one question more, for the models that there are at all.
    """

    def __init__(self, objects: ObjectStore, memory: StoreMemory, effort: BestEffort, place: str) -> None:
        """Wrap a store.

        Args:
            memory: what earlier processes have seen in it.
            effort: to read the memory with.
            place: what the store is known by, for people.
        """
        self._objects = objects
        self._memory = memory
        self._effort = effort
        self._place = place
        self._has_shown_content = False

    def list(self, folder: str = "") -> list[str]:
        """See `ObjectStore.list`.

        Raises:
            Unavailable: nothing is there any more, or as for `ObjectStore.list`.
        """
        names = self._objects.list(folder)
        if any(map(is_model_name, names)):
            self._has_shown_content = True
        elif folder == "" or not self._has_models():
            self._check_never_had_content()
        return names

    def read(self, file: str) -> bytes:
        """See `ObjectStore.read`.

        Raises:
            Unavailable: nothing is there any more, or as for `ObjectStore.read`.
        """
        try:
            data = self._objects.read(file)
        except ModelNotFound:
            if not self._has_models():
                self._check_never_had_content()
            raise
        self._has_shown_content = True
        return data

    def create(self, file: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        return self._objects.create(file, data)

    def _has_models(self) -> bool:
        return any(map(is_model_name, self._objects.list()))

    def _check_never_had_content(self) -> None:
        if self._has_shown_content or self._effort.find(self._memory.knows_content):
            raise Unavailable(
                f"the model store {self._place} is gone or empty, although there were models in it: is it mounted?"
            )
