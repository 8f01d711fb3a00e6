"""Joins labels to the predictions that they are for, whichever of the two came first."""

import logging
from collections.abc import Sequence

import numpy as np

from scoreline.errors import ModelError
from scoreline.models.model import ModelVersion
from scoreline.observability.labels.memory import UNKNOWN, PredictionMemory, Slots, hash_ids
from scoreline.observability.labels.notes import PredictionNotes
from scoreline.observability.labels.quality import FindOutput, LabelOutcome, LiveQuality
from scoreline.observability.labels.waiting import Labels, WaitingLabels, no_labels
from scoreline.records import Clock
from scoreline.schemas.labels import Label

logger = logging.getLogger("scoreline.labels")

WAITING_SHARE = 10
"""One label may wait for so many predictions that are remembered."""

LONGEST_WAIT_SECONDS = 3600.0


class LabelJoin:
    """What is remembered, what waits, and who is told; for one thread.

    Args:
        most_predictions: that are remembered.
        seconds: for how long; a label waits an hour at most.
        clock: monotonic seconds, as in the notes.
    """

    def __init__(
        self,
        notes: PredictionNotes,
        quality: LiveQuality,
        *,
        most_predictions: int,
        seconds: float,
        find_output: FindOutput,
        clock: Clock,
    ) -> None:
        self._notes = notes
        self._quality = quality
        self._memory = PredictionMemory(most_predictions, seconds)
        self._waiting = WaitingLabels(max(1, most_predictions // WAITING_SHARE), min(seconds, LONGEST_WAIT_SECONDS))
        self._find_output = find_output
        self._clock = clock
        self._unmeasurable: set[int] = set()

    def turn(self, labels: Sequence[Label]) -> None:
        """Remember what was noted since the last turn, and join what can be joined.

        Raises:
            Unavailable, Refused: the model store is asked what a version's scores mean, and is away; nothing has
                changed then, and the labels are to be given again.
        """
        for version in self._notes.list_versions():
            self._get_to_know(version)
        came = self._remember()
        given = [label for label in labels if label.value is not None]
        self._quality.settle(LabelOutcome.EMPTY, len(labels) - len(given))
        self._join(_make_columns(given) if not len(came) else came.join(_make_columns(given)))
        self._quality.settle(LabelOutcome.UNMATCHED, self._waiting.give_up(self._clock()))
        self._quality.note_sizes(remembered=len(self._memory), waiting=len(self._waiting))

    def _get_to_know(self, version: ModelVersion) -> None:
        if version.version in self._unmeasurable:
            return
        try:
            self._quality.know(version, self._find_output)
        except ModelError as error:
            self._unmeasurable.add(version.version)
            logger.warning(
                "what the scores of version %d mean is not known, so its labels say nothing: %s",
                version.version,
                error,
                extra={"event": "quality_unmeasurable", "version": version.version, "error": str(error)},
            )

    def _remember(self) -> Labels:
        """Remember what was noted; the labels that have waited for it."""
        came = no_labels()
        for noted in self._notes.take():
            hashes = hash_ids(noted.ids)
            self._memory.add(noted.version.version, hashes, noted.scores, noted.at_seconds)
            waited = self._waiting.take(hashes)
            if len(waited):
                came = came.join(waited)
        return came

    def _join(self, labels: Labels) -> None:
        if not len(labels):
            return
        now = self._clock()
        slots = self._memory.find(labels.hashes, now)
        is_found = slots != UNKNOWN
        self._waiting.add(labels.take(~is_found), now)
        labels, slots = labels.take(is_found), slots[is_found]
        is_first = self._memory.mark_labelled(slots)
        self._quality.settle(LabelOutcome.REPEATED, int((~is_first).sum()))
        self._tell(labels.take(is_first), slots[is_first], now)

    def _tell(self, labels: Labels, slots: Slots, now: float) -> None:
        versions, scores, at_seconds = self._memory.read(slots)
        for version in np.unique(versions).tolist():
            rows = np.flatnonzero(versions == version)
            chosen = labels.take(rows)
            delays = np.maximum(now - at_seconds[rows], 0.0)
            self._quality.add(version, chosen.values.tolist(), scores[rows], delays, chosen.known_at_ms)


def _make_columns(labels: Sequence[Label]) -> Labels:
    values = np.empty(len(labels), dtype=object)
    values[:] = [label.value for label in labels]
    times = [np.nan if label.known_at_ms is None else label.known_at_ms for label in labels]
    return Labels(hash_ids(label.id for label in labels), values, np.array(times, dtype=np.float64))
