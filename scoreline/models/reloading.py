"""Follows the alias that answers: what it means now serves as soon as all of it has passed every check."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from scoreline.errors import ModelError, Refused, ServiceError
from scoreline.models.live_route import LiveRoute
from scoreline.records import Clock

logger = logging.getLogger("scoreline.models")


class ReloadOutcome(StrEnum):
    """What came of a look at the alias."""

    UNCHANGED = "unchanged"
    RELOADED = "reloaded"
    REJECTED = "rejected"  # there is no such alias or version, or it may not serve, or not here
    STORE_AWAY = "store_away"
    FAILED = "failed"  # for a reason that nobody has foreseen


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the alias, and what came of it.

    Attributes:
        live: what answers from now on.
        detail: why it is not what the alias means; empty where it is.
        load_seconds: what it took to make versions ready; 0 where none were.
        remembered: whether the store is away, and what this machine remembers of it was looked at.
    """

    outcome: ReloadOutcome
    live: LiveRoute
    detail: str = ""
    load_seconds: float = 0.0
    remembered: bool = False


class ReloadObserver(Protocol):
    """Learns of every look; may not raise."""

    def looked(self, look: Look) -> None:
        """Take note of a look at the alias."""
        ...


class Followed(Protocol):
    """Versions of which one or several are live."""

    @property
    def live(self) -> LiveRoute:
        """What answers when nobody says."""
        ...

    @property
    def outage(self) -> str | None:
        """Why the store cannot be asked, where something remembers what it has said; None while it answers."""
        ...

    def follow(self, *, anew: bool) -> bool:
        """Make live what the alias means now, whatever it takes; False where it is already.

        Args:
            anew: whether what was rejected before is tried again.

        Raises:
            ModelError: there is none, or a part of it may not serve; what is live goes on.
            Unavailable, Refused: the store is away or refuses; what is live goes on.
        """
        ...


class Reloader:
    """Looks when it is told to, in whichever thread; one look at a time.

    Args:
        clock: monotonic seconds.
        observers: told of every look.
    """

    def __init__(self, versions: Followed, *, clock: Clock, observers: tuple[ReloadObserver, ...] = ()) -> None:
        self._versions = versions
        self._clock = clock
        self._observers = observers
        self._lock = threading.Lock()
        self._latest = Look(ReloadOutcome.UNCHANGED, versions.live)

    @property
    def latest(self) -> Look:
        """The latest look, and before the first one what the start has found."""
        return self._latest

    def look(self, *, anew: bool = False) -> Look:
        """See what the alias means now, and have it serve; never raises for what is wrong with it.

        Args:
            anew: whether what was rejected before is tried again.
        """
        with self._lock:
            look = self._look(anew=anew)
            self._latest = look
            for observer in self._observers:
                observer.looked(look)
            return look

    def _look(self, *, anew: bool) -> Look:
        began = self._clock()
        try:
            changed = self._versions.follow(anew=anew)
        except (ModelError, Refused) as error:
            return Look(ReloadOutcome.REJECTED, self._versions.live, str(error))
        except ServiceError as error:
            return Look(ReloadOutcome.STORE_AWAY, self._versions.live, str(error))
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            if detail != self._latest.detail:
                logger.exception("a look at the alias failed", extra={"event": "reload_failed"})
            return Look(ReloadOutcome.FAILED, self._versions.live, detail)
        live, outage = self._versions.live, self._versions.outage
        if changed:
            return Look(ReloadOutcome.RELOADED, live, load_seconds=self._clock() - began)
        if outage is not None:
            return Look(ReloadOutcome.STORE_AWAY, live, outage, remembered=True)
        return Look(ReloadOutcome.UNCHANGED, live)


LookNow = Callable[[], Future[Look]]
"""Begins a look, or joins the one that is under way; no thread of the caller's waits for it."""
