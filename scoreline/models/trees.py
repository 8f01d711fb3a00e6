"""One tree of a model text as arrays, after its structure has been checked."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelRejected

CATEGORICAL_BIT = 1
_MISSING_SHIFT, _MISSING_MASK, _MOST_MISSING_TYPE = 2, 3, 2
_WORD_BITS = 32
_MOST_WORD = 2**_WORD_BITS - 1
_SHOWN = 40
_OF_WHOLE_NUMBERS = b"0123456789+- "
_OF_NUMBERS = _OF_WHOLE_NUMBERS + b".eEinfatyINFATY"
"""Python reads more spellings than LightGBM (`0_3` as 3, a tab as a space), which stops at what it does not know."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Splits:
    """The splits of one tree, one entry each.

    Attributes:
        features: position of the feature; shape (splits,).
        thresholds: of a numeric split, the bound of its left side; shape (splits,).
        categorical: whether the split is by category; shape (splits,).
        missing_types: 0 no nulls in training, 1 zero means missing, 2 NaN means missing; shape (splits,).
        highest_codes: of a categorical split, the highest code that goes left, else -1; shape (splits,).
        linear: whether the leaves hold linear models.
    """

    features: Integers
    thresholds: npt.NDArray[np.float64]
    categorical: npt.NDArray[np.bool_]
    missing_types: Integers
    highest_codes: Integers
    linear: bool


def read_splits(tree: Mapping[str, bytes], number: int, features: int) -> Splits:
    """Check one tree and return its splits.

    Args:
        number: of the tree, for messages.
        features: how many the model has.

    Raises:
        ModelRejected: a number is missing or out of range, or the nodes are no tree.
    """
    return _TreeReader(tree, number, features).read()


class _TreeReader:
    def __init__(self, tree: Mapping[str, bytes], number: int, features: int) -> None:
        self._tree = tree
        self._number = number
        self._features = features

    def read(self) -> Splits:
        leaves = self._one("num_leaves")
        self._expect(leaves >= 1, f"it has {leaves} leaves")
        splits = leaves - 1
        self._floats("leaf_value", leaves)
        linear = self._check_linear(leaves)
        if not splits:
            nothing = np.empty(0, dtype=np.int64)
            return Splits(nothing, np.empty(0), nothing.astype(np.bool_), nothing, nothing, linear)
        at = self._integers("split_feature", splits)
        self._expect(bool(((at >= 0) & (at < self._features)).all()), "a split is by a feature that there is not")
        self._check_children(splits)
        decisions = self._integers("decision_type", splits)
        missing = (decisions >> _MISSING_SHIFT) & _MISSING_MASK
        self._expect(bool(((decisions >= 0) & (missing <= _MOST_MISSING_TYPE)).all()), "a decision_type is unknown")
        thresholds = self._floats("threshold", splits)
        categorical = (decisions & CATEGORICAL_BIT).astype(np.bool_)
        codes = self._highest_codes(thresholds, categorical)
        return Splits(at, thresholds, categorical, missing, codes, linear)

    def _check_children(self, splits: int) -> None:
        """Every node but the root and every leaf is the child of exactly one node: then a walk from the root ends."""
        children = np.concatenate([self._integers("left_child", splits), self._integers("right_child", splits)])
        children.sort()
        leaves, nodes = np.arange(-splits - 1, 0), np.arange(1, splits)
        self._expect(np.array_equal(children, np.concatenate([leaves, nodes])), "its nodes do not form a tree")

    def _highest_codes(self, thresholds: npt.NDArray[np.float64], categorical: npt.NDArray[np.bool_]) -> Integers:
        highest = np.full(len(thresholds), -1, dtype=np.int64)
        sets = self._one("num_cat")
        if not sets and not categorical.any():
            return highest
        bounds = self._integers("cat_boundaries", sets + 1)
        words = self._integers("cat_threshold", None)
        self._expect(
            bounds[0] == 0 and bool((np.diff(bounds) > 0).all()) and bounds[-1] == len(words),
            "cat_boundaries do not fit cat_threshold",
        )
        self._expect(bool(((words >= 0) & (words <= _MOST_WORD)).all()), "a word of cat_threshold is out of range")
        for split in np.flatnonzero(categorical):
            which = thresholds[split]
            self._expect(which in range(sets), "a categorical split names a set of categories that there is not")
            begin, end = bounds[int(which)], bounds[int(which) + 1]
            used = np.flatnonzero(words[begin:end])
            if len(used):
                last = int(used[-1])
                highest[split] = last * _WORD_BITS + int(words[begin + last]).bit_length() - 1
        return highest

    def _check_linear(self, leaves: int) -> bool:
        if "is_linear" not in self._tree or self._one("is_linear") == 0:
            return False
        self._floats("leaf_const", leaves)
        counts = self._integers("num_features", leaves)
        self._expect(bool((counts >= 0).all()), "a leaf has fewer than no features")
        total = int(counts.sum())
        used = self._integers("leaf_features", total)
        self._floats("leaf_coeff", total)
        self._expect(
            bool(((used >= 0) & (used < self._features)).all()),
            "a leaf's linear model uses a feature that there is not",
        )
        return True

    def _one(self, key: str) -> int:
        return int(self._integers(key, 1)[0])

    def _integers(self, key: str, count: int | None) -> Integers:
        try:
            values = np.array([int(token) for token in self._tokens(key, count, _OF_WHOLE_NUMBERS)], dtype=np.int64)
        except (ValueError, OverflowError) as error:
            raise ModelRejected(f"tree {self._number}: {key} should hold whole numbers: {error}") from error
        return values

    def _floats(self, key: str, count: int) -> npt.NDArray[np.float64]:
        try:
            return np.array([float(token) for token in self._tokens(key, count, _OF_NUMBERS)], dtype=np.float64)
        except ValueError as error:
            raise ModelRejected(f"tree {self._number}: {key} should hold numbers: {error}") from error

    def _tokens(self, key: str, count: int | None, alphabet: bytes) -> list[bytes]:
        if key not in self._tree:
            raise ModelRejected(f"tree {self._number} lacks {key}")
        strange = self._tree[key].translate(None, alphabet)
        if strange:
            raise ModelRejected(f"tree {self._number}: {key} should hold numbers, but has {strange[:_SHOWN]!r}")
        tokens = self._tree[key].split()
        if count is not None and len(tokens) != count:
            raise ModelRejected(f"tree {self._number}: {key} should hold {count} numbers, but has {len(tokens)}")
        return tokens

    def _expect(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001  a condition, not an option
        if not holds:
            raise ModelRejected(f"tree {self._number} is malformed: {otherwise}")
