"""From records to labels that are joined; what needs a registry or a store that is away waits."""

import logging
from collections.abc import Sequence

from scoreline.observability.labels.joining import LabelJoin
from scoreline.observability.labels.quality import LabelOutcome, LiveQuality
from scoreline.observability.repeats import Repeats
from scoreline.records import Clock, Reason, Record
from scoreline.schemas.labels import Label, LabelDecoder, UnreadableLabel

logger = logging.getLogger("scoreline.labels")


class LabelReading:
    """Holds what is read and not joined yet; for one thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, decoder: LabelDecoder, join: LabelJoin, quality: LiveQuality, *, clock: Clock) -> None:
        self._decoder = decoder
        self._join = join
        self._quality = quality
        self._undecoded: list[Record] = []
        self._labels: list[Label] = []
        self._repeats: Repeats[Reason] = Repeats(clock)

    @property
    def is_stuck(self) -> bool:
        """Whether what was taken waits for something remote, so that nothing more should be taken."""
        return bool(self._undecoded or self._labels)

    def take(self, records: Sequence[Record]) -> None:
        """Take records, in their order."""
        self._undecoded.extend(records)

    def join(self) -> None:
        """Join everything that was taken, and remember the predictions since the last time.

        Raises:
            Unavailable, Refused: something that is needed for it is away; the rest stays, for the next time.
        """
        for reason, count in self._repeats.due():
            _log(reason, count)
        try:
            self._decode()
        finally:
            self._join.turn(self._labels)
            self._labels = []

    def _decode(self) -> None:
        done = 0
        try:
            for record in self._undecoded:
                found = self._decoder.decode(record.value())
                done += 1
                if isinstance(found, Label):
                    self._labels.append(found)
                else:
                    self._tell(record, found)
        finally:
            del self._undecoded[:done]

    def _tell(self, record: Record, unreadable: UnreadableLabel) -> None:
        """Count, and log by reason now and then; the detail may quote a value, so it is for who debugs."""
        self._quality.settle(LabelOutcome.UNREADABLE, 1)
        count = self._repeats.count(unreadable.reason, 1)
        if count:
            _log(unreadable.reason, count)
            logger.debug(
                "%s",
                unreadable.detail,
                extra={
                    "event": "label_unreadable_detail",
                    "reason": unreadable.reason.value,
                    "topic": record.topic(),
                    "partition": record.partition(),
                    "offset": record.offset(),
                },
            )


def _log(reason: Reason, count: int) -> None:
    logger.warning(
        "labels that cannot be read and are passed over (%s): %d",
        reason.value,
        count,
        extra={"event": "labels_unreadable", "reason": reason.value, "count": count},
    )
