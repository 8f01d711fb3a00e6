"""Decoders that take a while to make, kept for the features that they are asked for again and again."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from scoreline.features import FeatureSet

Options = TypeVar("Options", bound=Hashable)
Decoder = TypeVar("Decoder")

MOST_KEPT = 32


class LatestDecoders(Generic[Options, Decoder]):
    """Keeps the latest decoders; for one thread at a time.

    Features are told apart by identity: to compare them takes longer, and those that are equal may differ, as the
    levels 1 and true do.

    Args:
        make: a decoder for features, with these options, beside these others.
    """

    def __init__(
        self, make: Callable[[FeatureSet, Options, tuple[FeatureSet, ...]], Decoder], most: int = MOST_KEPT
    ) -> None:
        self._make = make
        self._most = most
        # The features are kept beside their decoder, so that their identity is not given to others meanwhile.
        self._known: dict[tuple[int, Options, tuple[int, ...]], tuple[FeatureSet, tuple[FeatureSet, ...], Decoder]] = {}

    def find(self, features: FeatureSet, *, options: Options, others: tuple[FeatureSet, ...] = ()) -> Decoder:
        """The decoder for these features; made now where it is not known, which raises what making it does.

        Args:
            features: the same object from request to request.
            options: compared by value.
            others: what the decoder depends on beside the features; the same objects, too.
        """
        key = id(features), options, tuple(map(id, others))
        known = self._known.get(key)
        if known is not None:
            return known[2]
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        decoder = self._make(features, options, others)
        self._known[key] = features, others, decoder
        return decoder
