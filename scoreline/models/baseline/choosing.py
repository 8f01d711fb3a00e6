"""Chooses the axes of a version by rows of its training: where the bins of each feature and output begin and end."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from scoreline.features import MAX_DOUBLE, Feature, FeatureSet, Kind, Matrix
from scoreline.models.baseline.axes import (
    BINS,
    LEAST_WIDTH,
    MOST_CODES,
    Axis,
    CategoricalAxis,
    NumericAxis,
    name_outputs,
)
from scoreline.models.model import Scores

Doubles = npt.NDArray[np.float64]

QUANTILES = (0.001, 0.999)
"""The bins inside reach from the one to the other."""

CROWDED_SHARE = 0.2
"""Of the values: more than that in one bin of equal width, and a logarithm is tried."""

_HELPED_SHARE = 0.75
"""A logarithm has to take the fullest bin down to so much of what it held."""

_HIGHEST_END = MAX_DOUBLE / 4
"""No width between two ends is infinite, nor is it after it was widened."""


def choose_axes(features: FeatureSet, classes: tuple[str, ...] | None, matrix: Matrix, scores: Scores) -> list[Axis]:
    """The axes of features and outputs, in the order of a grid.

    Args:
        classes: as `Model.classes`.
        matrix: rows of the training, settled, at least one, or a fair sample of them; shape (rows, features).
        scores: of the same rows; shape (rows,) or (rows, classes).
    """
    axes = [_choose_axis(feature, matrix[:, i]) for i, feature in enumerate(features)]
    columns = scores.reshape(len(scores), -1).T
    return [*axes, *_choose_outputs(name_outputs(classes), columns)]


def _choose_axis(feature: Feature, values: Doubles) -> Axis:
    if feature.kind is not Kind.CATEGORICAL:
        return choose_numeric_axis(feature.name, values)
    if feature.levels is not None:
        levels = feature.levels
        return CategoricalAxis(
            feature.name, min(len(levels), MOST_CODES), levels[:MOST_CODES], len(levels) > MOST_CODES
        )
    codes = int(np.fmax.reduce(values, initial=-1.0)) + 1
    return CategoricalAxis(feature.name, min(codes, MOST_CODES), is_cut=codes > MOST_CODES)


def _choose_outputs(names: tuple[str, ...], columns: Doubles) -> Iterator[Axis]:
    for name, values in zip(names, columns, strict=False):
        yield choose_numeric_axis(name, values, is_output=True)


def choose_numeric_axis(name: str, values: Doubles, *, is_output: bool = False) -> NumericAxis:
    """An axis for numbers, from the 0.1 % to the 99.9 % quantile of those that are there and finite.

    Numbers that do not vary lie in the middle of the bins; those that lie close together at their low end have bins
    that grow with the logarithm, if that parts them.
    """
    present = values[np.isfinite(values)]
    if not len(present):
        return NumericAxis(name, -0.5, 0.5, is_output=is_output)
    lowest, highest = _find_ends(present)
    plain = NumericAxis(name, lowest, highest, is_output=is_output)
    inside = present[(present >= lowest) & (present <= highest)] - lowest
    width = highest - lowest
    fullest = _find_fullest(inside, width)
    if fullest <= CROWDED_SHARE * len(present):
        return plain
    if _find_fullest(np.log1p(inside), float(np.log1p(width))) > _HELPED_SHARE * fullest:
        return plain
    return NumericAxis(name, lowest, highest, logarithmic=True, is_output=is_output)


def _find_ends(present: Doubles) -> tuple[float, float]:
    bounded = np.clip(present, -_HIGHEST_END, _HIGHEST_END)
    lowest, highest = (float(end) for end in np.quantile(bounded, QUANTILES))
    if highest - lowest >= LEAST_WIDTH:
        return lowest, highest
    around = abs(lowest) / 2 if abs(lowest) > LEAST_WIDTH else 0.5
    return lowest - around, lowest + around


def _find_fullest(distances: Doubles, width: float) -> int:
    """How many values the fullest of so many bins of equal width has."""
    if not len(distances):
        return 0
    bins = np.minimum(distances / width * BINS, BINS - 1).astype(np.intp)
    return int(np.bincount(bins).max())
