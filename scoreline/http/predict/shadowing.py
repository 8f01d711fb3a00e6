"""Hands what a request was answered to the shadows of its route."""

from collections.abc import Callable, Sequence

import numpy as np

from scoreline.features import FeatureSet, Matrix
from scoreline.http.predict.row_decoders import RowDecoders
from scoreline.models.model import ModelVersion, Scores
from scoreline.scoring.shadows import Answered, Rows, ShadowScorer


class HttpShadows:
    """Offers requests whole; there is no topic for them, so they are only compared. May be called from any thread."""

    def __init__(self, scorer: ShadowScorer) -> None:
        self._scorer = scorer
        self._decoders = RowDecoders()  # only the scorer's thread uses it

    def offer(
        self, version: ModelVersion, shadows: Sequence[ModelVersion], body: bytes, features: Matrix, scores: Scores
    ) -> None:
        """Offer a request of JSON rows that is answered."""

        def decode(others: FeatureSet) -> Matrix:
            return self._decoders.find(others, options=True).decode(body, max_instances=len(scores))

        self.offer_decoded(version, shadows, features, scores, decode, len(body))

    def offer_decoded(
        self,
        version: ModelVersion,
        shadows: Sequence[ModelVersion],
        features: Matrix,
        scores: Scores,
        decode: Callable[[FeatureSet], Matrix],
        body_bytes: int,
    ) -> None:
        """Offer a request that is answered.

        Args:
            decode: gives its rows for the features of a shadow; called on the scorer's thread.
        """

        def read(others: FeatureSet) -> tuple[Rows, Matrix]:
            """A row that the shadow cannot take spoils its request for the shadow: its rows are counted as dropped."""
            matrix = decode(others)
            return np.arange(len(matrix)), matrix

        self._scorer.offer(Answered(version, shadows, scores, features, read, body_bytes))
