"""From the values of records to labels that are joined; what needs a registry or a store that is away waits."""

import logging
from collections.abc import Sequence

from scoreline.observability.labels.joining import LabelJoin
from scoreline.observability.labels.quality import LabelOutcome, LiveQuality
from scoreline.records import Clock
from scoreline.schemas.labels import Label, LabelDecoder, UnreadableLabel

logger = logging.getLogger("scoreline.labels")

QUIET_SECONDS = 10.0
"""Labels that cannot be read are told at most this often."""


class LabelReading:
    """Holds what is read and not joined yet; for one thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, decoder: LabelDecoder, join: LabelJoin, quality: LiveQuality, *, clock: Clock) -> None:
        self._decoder = decoder
        self._join = join
        self._quality = quality
        self._clock = clock
        self._undecoded: list[bytes | None] = []
        self._labels: list[Label] = []
        self._told_at = float("-inf")

    @property
    def is_stuck(self) -> bool:
        """Whether what was taken waits for something remote, so that nothing more should be taken."""
        return bool(self._undecoded or self._labels)

    def take(self, values: Sequence[bytes | None]) -> None:
        """Take the values of records, in their order."""
        self._undecoded.extend(values)

    def join(self) -> None:
        """Join everything that was taken, and remember the predictions since the last time.

        Raises:
            Unavailable, Refused: something that is needed for it is away; the rest stays, for the next time.
        """
        try:
            self._decode()
        finally:
            self._join.turn(self._labels)
            self._labels = []

    def _decode(self) -> None:
        done = 0
        try:
            for value in self._undecoded:
                found = self._decoder.decode(value)
                done += 1
                if isinstance(found, Label):
                    self._labels.append(found)
                else:
                    self._tell(found)
        finally:
            del self._undecoded[:done]

    def _tell(self, unreadable: UnreadableLabel) -> None:
        self._quality.settle(LabelOutcome.UNREADABLE, 1)
        now = self._clock()
        if now - self._told_at >= QUIET_SECONDS:
            self._told_at = now
            logger.warning(
                "a label cannot be read and is passed over (%s): %s",
                unreadable.reason,
                unreadable.detail,
                extra={"event": "label_unreadable", "reason": str(unreadable.reason), "error": unreadable.detail},
            )
