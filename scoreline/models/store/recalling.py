"""Files of a store that are remembered when they are read, and recalled while the store is away."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from scoreline.errors import ModelNotFound, ModelRejected, Refused, Unavailable
from scoreline.models.best_effort import BestEffort, CacheObserver
from scoreline.models.store.memory import StoreMemory
from scoreline.models.store.objects import ObjectStore
from scoreline.records import Clock

PAUSE_SECONDS = 5.0
"""How long a store that is away is not asked for what memory lacks: each try may take as long as its time-outs."""

T = TypeVar("T")
Names = list[str]


@dataclass(frozen=True, slots=True)
class Outage:
    """The store cannot be asked.

    Attributes:
        detail: why, for people.
        began: monotonic seconds.
    """

    detail: str
    began: float


class StoreObserver(CacheObserver, Protocol):
    """Learns, once each, that the store goes away and that it is back, or cannot be remembered; may not raise."""

    def store_away(self, outage: Outage) -> None:
        """From now on memory answers what it can."""
        ...

    def store_back(self, outage: Outage) -> None:
        """From now on the store answers again; `outage` is what is over."""
        ...


class RecallingObjects:
    """An `ObjectStore` over another one and this machine's memory of it.

    Whoever first finds the store away has waited for its time-outs; from then on memory answers at once, until
    `ask_again`, on a thread that nobody waits for, finds it back. Memory that cannot be used spoils no answer.

    A store that refuses before it has answered anything is not away: wrong credentials are for whoever starts the
    service. One that refuses later, when a password has expired, is as good as away.
    """

    def __init__(
        self,
        objects: ObjectStore,
        memory: StoreMemory,
        effort: BestEffort,
        *,
        observers: tuple[StoreObserver, ...],
        clock: Clock,
    ) -> None:
        self._objects = objects
        self._memory = memory
        self._effort = effort
        self._observers = observers
        self._clock = clock
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._has_answered = False
        self._outage: Outage | None = None
        self._unanswered: Callable[[], object] | None = None
        self._ask_again_at = 0.0

    @property
    def outage(self) -> Outage | None:
        """Why the store is not asked now; None while it is."""
        return self._outage

    def ask_again(self) -> None:
        """Find out whether a store that is away is back, by what it did not answer last; may take its time-outs."""
        unanswered = self._unanswered
        if self._outage is None or unanswered is None:
            return
        with self._asking:
            try:
                unanswered()
            except (Unavailable, Refused) as error:
                self._note_outage(str(error), unanswered)
                return
            except (ModelNotFound, ModelRejected):
                pass  # an answer
            self._note_answer()

    def list(self, folder: str = "") -> list[str]:
        """See `ObjectStore.list`; while the store is away, what was there when it was last listed."""
        return self._ask(
            lambda: self._objects.list(folder),
            keep=lambda names: self._memory.keep_names(folder, names),
            recall=lambda: self._recall_names(folder),
        )

    def read(self, file: str) -> bytes:
        """See `ObjectStore.read`; while the store is away, what it was when it was last read."""
        if _is_blob(file):
            return self._ask(lambda: self._objects.read(file), keep=lambda _: False, recall=lambda: None)
        return self._ask(
            lambda: self._objects.read(file),
            keep=lambda data: self._memory.keep_file(file, data),
            recall=lambda: self._memory.find_file(file),
        )

    def create(self, file: str, data: bytes) -> bool:
        """See `ObjectStore.create`: the store is always asked."""
        return self._objects.create(file, data)

    def _ask(self, ask: Callable[[], T], *, keep: Callable[[T], bool], recall: Callable[[], T | None]) -> T:
        outage = self._outage
        if outage is None:
            return self._ask_now(ask, keep, recall)
        known = self._effort.find(recall)
        if known is not None:
            return known
        # One caller at a time, now and then: the others do not wait for that.
        if self._clock() >= self._ask_again_at and self._asking.acquire(blocking=False):
            try:
                return self._ask_now(ask, keep, recall)
            finally:
                self._asking.release()
        raise Unavailable(outage.detail)

    def _ask_now(self, ask: Callable[[], T], keep: Callable[[T], bool], recall: Callable[[], T | None]) -> T:
        try:
            answer = ask()
        except ModelNotFound:
            self._note_answer()
            raise
        except (Unavailable, Refused) as error:
            if isinstance(error, Refused) and not self._has_answered:
                raise
            self._note_outage(str(error), ask)
            known = self._effort.find(recall)
            if known is None:
                raise
            return known
        self._note_answer()
        self._effort.keep(lambda: keep(answer))
        return answer

    def _note_answer(self) -> None:
        with self._lock:
            self._has_answered = True
            over, self._outage, self._unanswered = self._outage, None, None
            if over is not None:
                for observer in self._observers:
                    observer.store_back(over)

    def _note_outage(self, detail: str, unanswered: Callable[[], object]) -> None:
        with self._lock:
            now = self._clock()
            self._unanswered = unanswered
            self._ask_again_at = now + PAUSE_SECONDS
            before, self._outage = self._outage, Outage(detail, now if self._outage is None else self._outage.began)
            if before is None:
                for observer in self._observers:
                    observer.store_away(self._outage)

    def _recall_names(self, folder: str) -> Names | None:
        names = self._memory.find_names(folder)
        if names is None or not _is_history(folder):
            return names
        # Of an alias, what was read counts: an entry that was only seen says nothing while it cannot be read.
        read = [name for name in names if self._memory.find_file(f"{folder}/{name}") is not None]
        return read or None


def _is_blob(file: str) -> bool:
    """Whether it is `<model>/blobs/<sha256>`."""
    return file.split("/")[1:2] == ["blobs"]


def _is_history(folder: str) -> bool:
    """Whether it is `<model>/aliases/<alias>`."""
    parts = folder.split("/")
    return len(parts) == 3 and parts[1] == "aliases"
