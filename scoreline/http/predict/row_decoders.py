"""Decoders of JSON rows, made once for what they are asked for again and again."""

from scoreline.features import FeatureSet
from scoreline.schemas.json_rows import JsonRows
from scoreline.schemas.latest_decoders import LatestDecoders


class RowDecoders:
    """Keeps the latest decoders; for one thread at a time."""

    def __init__(self) -> None:
        self._made: LatestDecoders[JsonRows] = LatestDecoders()

    def find(self, features: FeatureSet, *, ignore_unknown: bool, others: tuple[FeatureSet, ...] = ()) -> JsonRows:
        """The decoder of rows for these features.

        Args:
            features: the same object from request to request.
            others: what the same rows may be scored with instead: what only these know is skipped.

        Raises:
            ModelRejected: a feature has a name that cannot be asked for.
        """

        def make() -> JsonRows:
            also_known = frozenset(name for each in others for name in each.names)
            return JsonRows(features, ignore_unknown=ignore_unknown, also_known=also_known)

        return self._made.find((features, *others), make, ignore_unknown)
