"""Hands what the stream has answered to the shadows of its routes, once it is finished."""

from collections.abc import Callable, Sequence

import numpy as np

from scoreline.features import FeatureSet, Matrix
from scoreline.models.model import ModelVersion, Scores
from scoreline.observability.events import BatchScored
from scoreline.records import Clock, Outputs, Record
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.predictions import PredictionEncoder, Source
from scoreline.scoring import Part, Scored
from scoreline.scoring.shadows import Answered, Rows, ShadowScorer

Publish = Callable[[Outputs], None]


class StreamShadows:
    """Observer of batches. What it makes of them runs on the scorer's thread, which alone uses the other arguments.

    Args:
        decoder: for shadows with other features than the version that has answered.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        scorer: ShadowScorer,
        decoder: PayloadDecoder,
        encoder: PredictionEncoder,
        publish: Publish,
        *,
        wall_clock: Clock,
    ) -> None:
        self._scorer = scorer
        self._decoder = decoder
        self._encoder = encoder
        self._publish = publish
        self._wall_clock = wall_clock

    def batch_scored(self, event: BatchScored) -> None:
        """Offer every part that has shadows."""
        for part, result in zip(event.parts, event.scored, strict=True):
            if part.shadows and len(result.scores) > len(result.infinite):
                self._scorer.offer(self._make_answered(event.records, part, result))

    def _make_answered(self, records: Sequence[Record], part: Part, result: Scored) -> Answered:
        source = Source([records[i] for i in part.positions.tolist()], part.ids, part.event_times_ms)
        scores, features = result.scores, part.features
        if len(result.infinite):
            good = np.delete(np.arange(len(scores)), result.infinite)
            source, scores = source.take(good.tolist()), scores[good]
            features = np.ascontiguousarray(features[good])

        def read(others: FeatureSet) -> tuple[Rows, Matrix]:
            decoded = self._decoder.decode([record.value() for record in source.records], others)
            return decoded.rows, decoded.features

        def publish(shadow: ModelVersion, rows: Rows, shadowed: Scores) -> None:
            taken = source.take(rows.tolist())
            values = self._encoder.encode(
                taken,
                shadowed,
                model=shadow.name,
                version=shadow.version,
                classes=shadow.model.classes,
                scored_at_ms=int(self._wall_clock() * 1000),
            )
            self._publish(Outputs(taken.records, values, shadow.name, shadow.version))

        size = _count_bytes(source.records)
        return Answered(part.version, part.shadows, scores, features, read, size, publish)


def _count_bytes(records: Sequence[Record]) -> int:
    """What waits is not read again from anywhere: records are kept whole."""
    payloads = sum(len(record.value() or b"") + len(record.key() or b"") for record in records)
    headers = (header for record in records for header in record.headers() or ())
    return payloads + sum(len(name) + len(value or b"") for name, value in headers)
