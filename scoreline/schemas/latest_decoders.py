"""Decoders that take a while to make, kept for the features that they are asked for again and again."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from scoreline.features import FeatureSet

Decoder = TypeVar("Decoder")

MOST_KEPT = 32


class LatestDecoders(Generic[Decoder]):
    """Keeps the latest decoders; for one thread at a time.

    Features are told apart by identity: to compare them takes longer, and those that are equal may differ, as the
    levels 1 and true do.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        # The features are kept beside their decoder, so that their identity is not given to others meanwhile.
        self._known: dict[tuple[tuple[int, ...], Hashable], tuple[tuple[FeatureSet, ...], Decoder]] = {}

    def find(self, features: tuple[FeatureSet, ...], make: Callable[[], Decoder], options: Hashable = None) -> Decoder:
        """The decoder for these features and options; made now where it is not known.

        Args:
            features: all that the decoder depends on, the same objects from request to request.
            options: compared by value.
        """
        key = tuple(map(id, features)), options
        known = self._known.get(key)
        if known is not None:
            return known[1]
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        decoder = make()
        self._known[key] = features, decoder
        return decoder
