"""Decoders of JSON rows, made once for what they are asked for again and again."""

from scoreline.features import FeatureSet
from scoreline.schemas.json_rows import JsonRows

MOST_REMEMBERED = 32


class RowDecoders:
    """Keeps the latest decoders; for one thread at a time."""

    def __init__(self) -> None:
        # The features are kept beside their decoder, so that their identity is not given to others meanwhile.
        self._known: dict[tuple[int, bool, tuple[int, ...]], tuple[FeatureSet, tuple[FeatureSet, ...], JsonRows]] = {}

    def find(self, features: FeatureSet, *, ignore_unknown: bool, others: tuple[FeatureSet, ...] = ()) -> JsonRows:
        """The decoder of rows for these features.

        Args:
            features: the same object from request to request.
            others: what the same rows may be scored with instead: what only these know is skipped.

        Raises:
            ModelRejected: a feature has a name that cannot be asked for.
        """
        key = id(features), ignore_unknown, tuple(map(id, others))
        known = self._known.get(key)
        if known is not None:
            return known[2]
        if len(self._known) >= MOST_REMEMBERED:
            self._known.pop(next(iter(self._known)))
        also_known = frozenset(name for each in others for name in each.names)
        rows = JsonRows(features, ignore_unknown=ignore_unknown, also_known=also_known)
        self._known[key] = features, others, rows
        return rows
