"""The quality of every version that labels come for, and what became of the labels; read by anybody, at any time."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from scoreline.models.inspection import Output
from scoreline.models.model import ModelVersion, Scores
from scoreline.observability.labels.kinds import find_kind, read_targets
from scoreline.observability.labels.measures import Doubles
from scoreline.observability.labels.report import QualityReport
from scoreline.observability.labels.version import WINDOW_LABELS, LabelledVersion
from scoreline.records import Clock

logger = logging.getLogger("scoreline.labels")

MOST_VERSIONS = 32

FindOutput = Callable[[ModelVersion], Output]
"""What the scores of a version mean, as its manifest says."""


class LabelOutcome(StrEnum):
    """What became of a label; every one comes to one of these in the end."""

    JOINED = "joined"
    INVALID = "invalid"
    UNMATCHED = "unmatched"
    REPEATED = "repeated"
    EMPTY = "empty"
    UNREADABLE = "unreadable"


class LabelObserver(Protocol):
    """Learns what became of labels; may not raise."""

    def labels_settled(self, outcome: LabelOutcome, labels: int) -> None:
        """So many labels came to this."""
        ...


class LiveQuality:
    """Safe between threads.

    Args:
        seconds: a version that is not loaded any more is shown for so long after its last label.
        list_loaded: numbers of the versions that are loaded.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        observer: LabelObserver,
        *,
        seconds: float,
        list_loaded: Callable[[], Collection[int]],
        clock: Clock,
    ) -> None:
        self._observer = observer
        self._seconds = seconds
        self._list_loaded = list_loaded
        self._clock = clock
        self._lock = threading.Lock()
        self._versions: dict[int, LabelledVersion] = {}
        self._labelled_at: dict[int, float] = {}
        self._settled: Counter[LabelOutcome] = Counter()
        self._remembered = self._waiting = 0

    def know(self, version: ModelVersion, find_output: FindOutput) -> None:
        """Get ready for labels of a version.

        Raises:
            ModelError, Unavailable, Refused: as `find_output` does; nothing has changed then.
        """
        with self._lock:
            known = version.version in self._versions
        if not known:
            classes = version.model.classes
            labelled = LabelledVersion(find_kind(find_output(version), classes), classes)
            with self._lock:
                self._versions[version.version] = labelled
                self._labelled_at[version.version] = self._clock()
                self._forget()

    def add(
        self, version: int, values: Sequence[Any], scores: Scores, delays_seconds: Doubles, known_at_ms: Doubles
    ) -> None:
        """Add joined labels of one version; of one that is not known any more they are invalid."""
        complete = None
        with self._lock:
            labelled = self._versions.get(version)
            good = np.zeros(len(values), dtype=np.bool_)
            if labelled is not None:
                targets = read_targets(labelled.kind, labelled.classes, values)
                good = ~np.isnan(targets)
                windows = labelled.windows
                labelled.add(scores[good], targets[good], delays_seconds[good], known_at_ms[good])
                self._labelled_at[version] = self._clock()
                complete = labelled.describe() if labelled.windows > windows else None
        self.settle(LabelOutcome.JOINED, int(good.sum()))
        self.settle(LabelOutcome.INVALID, int((~good).sum()))
        if complete is not None:
            fields = {name: value for name, value in complete.items() if name != "since_start" and value is not None}
            logger.info(
                "the last %d labels of version %d have come",
                WINDOW_LABELS,
                version,
                extra={"event": "quality", "version": version, **fields},
            )

    def settle(self, outcome: LabelOutcome, labels: int) -> None:
        """Count labels that came to this."""
        if labels:
            with self._lock:
                self._settled[outcome] += labels
            self._observer.labels_settled(outcome, labels)

    def note_sizes(self, *, remembered: int, waiting: int) -> None:
        """How many predictions are remembered, and how many labels wait."""
        with self._lock:
            self._remembered, self._waiting = remembered, waiting

    def read(self) -> QualityReport:
        """Everything as of now, ready for JSON."""
        with self._lock:
            self._forget()
            versions = {
                str(n): self._versions[n].describe() for n in sorted(self._versions) if self._versions[n].labels
            }
            settled = self._settled
            return {
                "versions": versions,
                "remembered": self._remembered,
                "joined": settled[LabelOutcome.JOINED],
                "invalid": settled[LabelOutcome.INVALID],
                "waiting": self._waiting,
                "unmatched": settled[LabelOutcome.UNMATCHED],
                "repeated": settled[LabelOutcome.REPEATED],
                "empty": settled[LabelOutcome.EMPTY],
                "unreadable": settled[LabelOutcome.UNREADABLE],
            }

    def _forget(self) -> None:
        """Let go of versions that are gone and that no label came for lately, and of the stalest of too many."""
        loaded, oldest = set(self._list_loaded()), self._clock() - self._seconds
        gone = [n for n, at in self._labelled_at.items() if n not in loaded and at < oldest]
        left = sorted((n for n in self._labelled_at if n not in gone), key=self._labelled_at.__getitem__)
        for number in [*gone, *left[: max(0, len(left) - MOST_VERSIONS)]]:
            del self._versions[number], self._labelled_at[number]
