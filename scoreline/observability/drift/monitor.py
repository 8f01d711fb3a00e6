"""Watches what every path scores, by version: the observer of rows, and the work of the thread that judges them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix, bound_unseen
from scoreline.models.baseline.baseline import Baseline, Origin
from scoreline.models.model import ModelVersion, Scores
from scoreline.models.reloading import Look, ReloadOutcome
from scoreline.observability.drift.gathering import Rows
from scoreline.observability.drift.judging import Judging, Reading, VersionJudging
from scoreline.observability.drift.ports import DriftChanged, DriftListener
from scoreline.observability.drift.states import Change
from scoreline.observability.drift.watching import VersionWatch
from scoreline.observability.events import BatchScored
from scoreline.records import Clock

MOST_LEARNED = 32
"""So many learned baselines outlast their versions' being loaded: a baseline is not learned anew for every pin."""


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
        self._learned: OrderedDict[int, Baseline] = OrderedDict()
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
        if self._find(version).gather(rows, int(self._wall_clock() * 1000)):
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
        at_ms = int(self._wall_clock() * 1000)
        for judging in self._let_go():
            self._tell(judging, judging.end(at_ms))
        for judging in self._list():
            try:
                changes = judging.turn(at_ms)
            except Exception as error:  # noqa: BLE001 - told by the log and by health; others are watched all the same
                changes = judging.fail(error, at_ms)
            self._tell(judging, changes)

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
        with self._lock:
            found = self._judgings.get(version.version)
            if found is None:
                watch = VersionWatch(version, self._tools.limits, self._tools.clock)
                found = VersionJudging(watch, self._tools, self._learned.get(version.version))
                self._judgings[version.version] = found
            return found

    def _list(self) -> Sequence[VersionJudging]:
        with self._lock:
            return [self._judgings[number] for number in sorted(self._judgings)]

    def _let_go(self) -> Sequence[VersionJudging]:
        """Watch versions that are not loaded any more no more; gives what watched them."""
        resident = {version.version for version in self._resident()}
        with self._lock:
            gone = [number for number in self._judgings if number not in resident]
            ended = [self._judgings.pop(number) for number in gone]
            for number, judging in zip(gone, ended, strict=True):
                self._dropped += judging.watch.dropped
                if judging.learned is not None:
                    self._learned[number] = judging.learned
                    self._learned.move_to_end(number)
            while len(self._learned) > MOST_LEARNED:
                self._learned.popitem(last=False)
        return ended


def _leave_out(rows: Rows, infinite: npt.NDArray[np.intp]) -> Rows:
    """Without rows that have no output; which levels of theirs nobody has seen is not known any more."""
    features = np.delete(rows.features, infinite, axis=0)
    return Rows(features, bound_unseen(rows.unseen, features), np.delete(rows.scores, infinite, axis=0))
