"""Hands what `POST /predict` has answered to the shadows of its route."""

from collections.abc import Sequence

import numpy as np

from scoreline.features import FeatureSet, Matrix
from scoreline.models.model import ModelVersion, Scores
from scoreline.schemas.json_rows import JsonRows
from scoreline.scoring.shadows import Answered, Rows, ShadowScorer

_REMEMBERED_DECODERS = 16


class HttpShadows:
    """Offers requests whole; there is no topic for them, so they are only compared. May be called from any thread."""

    def __init__(self, scorer: ShadowScorer) -> None:
        self._scorer = scorer
        self._decoders: dict[int, tuple[FeatureSet, JsonRows]] = {}

    def offer(
        self, version: ModelVersion, shadows: Sequence[ModelVersion], body: bytes, features: Matrix, scores: Scores
    ) -> None:
        """Offer a request that is answered."""

        def read(others: FeatureSet) -> tuple[Rows, Matrix]:
            """A row that the shadow cannot take spoils its request for the shadow: its rows are counted as dropped."""
            matrix = self._find_decoder(others).decode(body, max_instances=len(scores))
            return np.arange(len(matrix)), matrix

        self._scorer.offer(Answered(version, shadows, scores, features, read, len(body)))

    def _find_decoder(self, features: FeatureSet) -> JsonRows:
        """Only the scorer's thread comes here."""
        known = self._decoders.get(id(features))
        if known is not None and known[0] is features:
            return known[1]
        if len(self._decoders) >= _REMEMBERED_DECODERS:
            self._decoders.pop(next(iter(self._decoders)))
        rows = JsonRows(features, ignore_unknown=True)
        self._decoders[id(features)] = features, rows
        return rows
