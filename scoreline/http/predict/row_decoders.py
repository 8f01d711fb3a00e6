"""Decoders of JSON rows, made once for what they are asked for again and again."""

from scoreline.features import FeatureSet
from scoreline.schemas.json_rows import JsonRows
from scoreline.schemas.latest_decoders import LatestDecoders


class RowDecoders(LatestDecoders[bool, JsonRows]):
    """The latest decoders; their option is whether unknown features are skipped.

    What only the others know, which the same rows may be scored with instead, is skipped. A feature whose name cannot
    be asked for raises `ModelRejected`.
    """

    def __init__(self) -> None:
        super().__init__(_make)


def _make(features: FeatureSet, ignore_unknown: bool, others: tuple[FeatureSet, ...]) -> JsonRows:  # noqa: FBT001
    also_known = frozenset(name for each in others for name in each.names)
    return JsonRows(features, ignore_unknown=ignore_unknown, also_known=also_known)
