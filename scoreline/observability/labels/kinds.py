"""What a version's scores mean, and so which labels it can be measured against."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.models.inspection import Output

TRUTHS = {"true": 1.0, "false": 0.0}


class Kind(StrEnum):
    """How the quality of a version is told.

    Attributes:
        BINARY: scores are probabilities of the label 1.
        CLASSES: one probability a class.
        ANSWERS: one score a class, the largest of which is the answer; their size means nothing.
        REGRESSION: scores are values in the labels' unit.
        RANKING: higher scores should go with the label 1; their size means nothing.
    """

    BINARY = "binary"
    CLASSES = "classes"
    ANSWERS = "answers"
    REGRESSION = "regression"
    RANKING = "ranking"


_KINDS = {
    Output.PROBABILITY: Kind.BINARY,
    Output.PROBABILITIES: Kind.CLASSES,
    Output.VALUE: Kind.REGRESSION,
    Output.RANKING: Kind.RANKING,
    Output.RAW: Kind.RANKING,
}


def find_kind(output: Output, classes: tuple[str, ...] | None) -> Kind:
    """The kind of a version."""
    if classes is not None and output is not Output.PROBABILITIES:
        return Kind.ANSWERS
    return _KINDS[output]


def read_targets(kind: Kind, classes: Sequence[str] | None, values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Labels as numbers: 0 or 1, a class by its index, or a value; NaN where one is no label of this kind.

    Args:
        values: numbers, or text: the name of a class, a number as text, `true` or `false`.
    """
    if kind in (Kind.CLASSES, Kind.ANSWERS):
        indexes = {name: float(i) for i, name in enumerate(classes or ())}
        targets = np.array([indexes.get(v, math.nan) if isinstance(v, str) else v for v in values], dtype=np.float64)
        targets[~np.isin(targets, np.arange(len(indexes)))] = np.nan
        return targets
    targets = np.array([_read_number(v) if isinstance(v, str) else v for v in values], dtype=np.float64)
    if kind is Kind.REGRESSION:
        targets[~np.isfinite(targets)] = np.nan
    else:
        targets[(targets != 0) & (targets != 1)] = np.nan
    return targets


def _read_number(text: str) -> float:
    known = TRUTHS.get(text.lower())
    if known is not None:
        return known
    try:
        return float(text)
    except ValueError:
        return math.nan
