"""Watches what every path scores, by version: the observer of rows, and the work of the thread that judges them."""

import threading
from collections.abc import Callable, Container, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix, bound_unseen
from scoreline.models.baseline.baseline import Origin
from scoreline.models.model import ModelVersion, Scores
from scoreline.models.reloading import Look, ReloadOutcome
from scoreline.observability.drift.gathering import Rows
from scoreline.observability.drift.judging import Judging, Reading, VersionJudging
from scoreline.observability.drift.kept import KeptJudges
from scoreline.observability.drift.ports import DriftChanged, DriftListener
from scoreline.observability.drift.room import Room
from scoreline.observability.drift.states import Change
from scoreline.observability.drift.watching import MOST_WAITING_BYTES, VersionWatch
from scoreline.observability.events import BatchScored
from scoreline.records import Clock


class DriftMonitor:
    """Implements `BatchObserver`, `RowsObserver` and `ReloadObserver`. `turn` is for one thread, all else for any.

    Args:
        live: versions that answer when nobody says; they are watched from the start.
        resident: the versions that are loaded; what is not among them is watched no more.
        wall_clock: seconds since the epoch.
        wake: has whatever calls `turn` do so soon.
    """

    def __init__(
        self,
        tools: Judging,
        *,
        live: Sequence[ModelVersion],
        resident: Callable[[], Iterable[ModelVersion]],
        listeners: Sequence[DriftListener] = (),
        wall_clock: Clock,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._tools = tools
        self._live = {version.version for version in live}
        self._resident = resident
        self._listeners = listeners
        self._wall_clock = wall_clock
        self._wake = wake
        self._lock = threading.Lock()
        self._judgings: dict[int, VersionJudging] = {}
        self._turning: int | None = None
        self._kept = KeptJudges()
        self._room = Room(MOST_WAITING_BYTES)
        self._dropped = 0
        for version in live:
            self._begin(version)

    @property
    def dropped(self) -> int:
        """Windows that ended and were never judged, since the start."""
        return self._dropped + sum(judging.watch.dropped for judging in self._list())

    def batch_scored(self, event: BatchScored) -> None:
        """Count what each version was given and gave in a batch of the stream."""
        work = False
        for part, result in zip(event.parts, event.scored, strict=True):
            if not len(result.scores):
                continue
            rows = Rows(part.features, part.unseen, result.scores)
            if len(result.infinite):
                rows = _leave_out(rows, result.infinite)
            work |= self._find(part.version).add(rows, event.finished_at_ms)
        if work:
            self._wake()

    def rows_scored(
        self, version: ModelVersion, features: Matrix, unseen: npt.NDArray[np.int64], scores: Scores
    ) -> None:
        """Count rows of a caller or a job."""
        rows = Rows(features, unseen, scores)
        if self._find(version).gather(rows, self._now_ms()):
            self._wake()

    def looked(self, look: Look) -> None:
        """After a swap the windows of versions that came or went begin anew."""
        if look.outcome is not ReloadOutcome.RELOADED:
            return
        live = set(look.live.numbers)
        swapped, self._live = live ^ self._live, live
        for version in look.live.versions:
            self._find(version)
        for judging in self._list():
            if judging.watch.version.version in swapped:
                judging.reset()
        self._wake()

    def read(self) -> Sequence[Reading]:
        """How each version that is watched stands, by number."""
        return [judging.reading for judging in self._list()]

    def describe(self) -> str:
        """What is watched, for people."""
        told = []
        for judging in self._list():
            watch = judging.watch
            text = judging.reading.detail or f"{watch.open_rows} rows in the window"
            if watch.uncounted:
                text += f", {watch.uncounted} rows were not counted before there was a baseline"
            told.append(f"version {watch.version.version}: {text}")
        if self._dropped or any(judging.watch.dropped for judging in self._list()):
            told.append(f"{self.dropped} windows were not judged, because too many waited")
        return "; ".join(told) or "nothing was scored yet"

    def turn(self) -> None:
        """Judge what has ended, tell of changes, and let go of versions that are not loaded any more."""
        self._end_gone()
        for judging in self._list():
            self._turn(judging)
            # It may have calibrated for seconds, in which a pin can have come and gone for each request.
            self._end_gone()

    def _turn(self, judging: VersionJudging) -> None:
        number, at_ms = judging.watch.version.version, self._now_ms()
        with self._lock:
            if self._judgings.get(number) is not judging:
                return
            self._turning = number
        try:
            changes = judging.turn(at_ms)
        except Exception as error:  # noqa: BLE001 - told by the log and by health; others are watched all the same
            changes = judging.fail(error, at_ms)
        finally:
            with self._lock:
                self._turning = None
        self._tell(judging, changes)

    def _end_gone(self) -> None:
        """Watch versions that are not loaded any more no more, and keep what they were judged with."""
        for judging in self._let_go():
            self._tell(judging, judging.end(self._now_ms()))
            if judging.calibrated is not None:
                with self._lock:
                    self._kept.keep(judging.watch.version, judging.calibrated)

    def _now_ms(self) -> int:
        return int(self._wall_clock() * 1000)

    def _tell(self, judging: VersionJudging, changes: Sequence[Change]) -> None:
        if not changes:
            return
        version = judging.watch.version
        baseline = judging.reading.baseline
        origin = Origin.PUBLISHED if baseline is None else baseline.origin
        events = [DriftChanged(version.name, version.version, origin, change) for change in changes]
        for listener in self._listeners:
            listener.drift_changed(events)

    def _find(self, version: ModelVersion) -> VersionWatch:
        judging = self._judgings.get(version.version)
        return (self._begin(version) if judging is None else judging).watch

    def _begin(self, version: ModelVersion) -> VersionJudging:
        resident = {each.version for each in self._resident()} | {version.version}
        with self._lock:
            found = self._judgings.get(version.version)
            if found is None:
                self._forget_waiting(resident)
                watch = VersionWatch(version, self._tools.limits, self._tools.clock, self._room)
                found = VersionJudging(watch, self._tools, self._kept.take(version))
                self._judgings[version.version] = found
            return found

    def _forget_waiting(self, resident: Container[int]) -> None:
        """Versions that came and went while another one is calibrated leave nothing to tell; the lock is held."""
        for number, judging in list(self._judgings.items()):
            if number not in resident and number != self._turning and judging.is_waiting:
                del self._judgings[number]
                judging.watch.close()

    def _list(self) -> Sequence[VersionJudging]:
        with self._lock:
            return [self._judgings[number] for number in sorted(self._judgings)]

    def _let_go(self) -> Sequence[VersionJudging]:
        """Take out versions that are not loaded any more; gives what watched them."""
        resident = {version.version for version in self._resident()}
        with self._lock:
            gone = [number for number in self._judgings if number not in resident]
            ended = [self._judgings.pop(number) for number in gone]
            self._dropped += sum(judging.watch.dropped for judging in ended)
        return ended


def _leave_out(rows: Rows, infinite: npt.NDArray[np.intp]) -> Rows:
    """Without rows that have no output; which levels of theirs nobody has seen is not known any more."""
    features = np.delete(rows.features, infinite, axis=0)
    return Rows(features, bound_unseen(rows.unseen, features), np.delete(rows.scores, infinite, axis=0))
