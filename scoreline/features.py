"""What a model wants to be given: its features, and the rules that every value obeys on every path.

A matrix of features is float64, one row an instance, one column a feature, in the model's order. Decoders fill it with
raw values: numbers as doubles, booleans as 1 and 0, NaN for null, the code of a level for categorical features with a
level list, and `UNSEEN` for a level that the list does not have. `FeatureSet.settle` then judges it, the same way for
Avro, JSON and jobs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.records import Reason

Matrix = npt.NDArray[np.float64]
Level = str | int | float | bool

UNSEEN = -1.0
FEW_ROWS = 4
MAX_CODE = 2**31 - 1
MAX_DOUBLE = float(np.finfo(np.float64).max)
_HIGHEST_CODE = float(MAX_CODE)


class Kind(StrEnum):
    """What a feature's values mean."""

    NUMERIC = "numeric"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"


_EXPECTED = {
    Kind.NUMERIC: "a finite number",
    Kind.INTEGER: "a whole number",
    Kind.BOOLEAN: "a boolean",
    Kind.CATEGORICAL: "a category code, a whole number from 0 to 2147483647",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a model.

    Attributes:
        name: the model's own name for it.
        field: dotted path of the field that carries it in a record; the name where nothing else is said.
        nullable: whether a null may be scored.
        optional: whether a writer's schema may lack the field altogether.
        levels: of a categorical feature, the level of each code; None where values are the codes themselves.
    """

    name: str
    kind: Kind = Kind.NUMERIC
    field: str = ""
    nullable: bool = True
    optional: bool = False
    levels: tuple[Level, ...] | None = None

    def __post_init__(self) -> None:
        if not self.field:
            object.__setattr__(self, "field", self.name)
        if self.levels is not None and self.kind is not Kind.CATEGORICAL:
            raise ValueError(f"feature {self.name!r} is {self.kind}, but has levels; only a categorical one may")
        if self.levels is not None and len(set(self.levels)) != len(self.levels):
            raise ValueError(f"levels of feature {self.name!r} repeat, so that one would have two codes")

    @property
    def codes(self) -> Mapping[Level, int]:
        """Code of each level, looked up by equality: the integer 3 finds the level 3 or 3.0."""
        return {level: code for code, level in enumerate(self.levels or ())}


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """One value that may not be scored."""

    row: int
    feature: Feature
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Detail:
    """How much settling tells of what is wrong: rows times features may be far more than anyone reads.

    Attributes:
        rows: so many bad rows are told with more than their first problem.
        problems: so many are told of each of those.
    """

    rows: int
    problems: int


FIRST_OF_EACH_ROW = Detail(rows=0, problems=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling found.

    Attributes:
        problems: in row order, those of one row in the order of the features; at least one for each bad row, and no
            more than the detail that was asked for; empty in the usual case.
        unseen: how many values of each feature were levels never seen in training, in rows without problems; shape
            (features,).
    """

    problems: Sequence[ValueProblem]
    unseen: npt.NDArray[np.int64]


@dataclass(frozen=True)
class FeatureSet:
    """The features of one model version, in the order of its matrix."""

    features: tuple[Feature, ...]
    _strict: npt.NDArray[np.bool_] = field(init=False, repr=False, compare=False)
    _whole: npt.NDArray[np.intp] = field(init=False, repr=False, compare=False)
    _levelled: npt.NDArray[np.intp] = field(init=False, repr=False, compare=False)
    _lowest: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _highest: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _null_as: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _rules: tuple[tuple[Any, ...], ...] = field(init=False, repr=False, compare=False)
    _clean: Settled = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [f.name for f in self.features]
        if len(set(names)) != len(names):
            raise ValueError(f"feature names repeat: {sorted({n for n in names if names.count(n) > 1})}")
        integral = (Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL)
        strict = np.array([not f.nullable for f in self.features], dtype=np.bool_)
        whole = np.array(
            [i for i, f in enumerate(self.features) if f.kind in integral and f.levels is None], dtype=np.intp
        )
        levelled = np.array([i for i, f in enumerate(self.features) if f.levels is not None], dtype=np.intp)
        ranges = [_find_range(f) for f in self.features]
        lowest = np.array([low for low, _ in ranges], dtype=np.float64)
        highest = np.array([high for _, high in ranges], dtype=np.float64)
        derived: dict[str, Any] = {"_strict": strict, "_whole": whole, "_levelled": levelled}
        derived |= {"_lowest": lowest, "_highest": highest, "_null_as": np.where(strict, np.nan, lowest)}
        derived["_rules"] = (
            tuple(low for low, _ in ranges),
            tuple(high for _, high in ranges),
            tuple(f.nullable for f in self.features),
            tuple(f.kind in integral and f.levels is None for f in self.features),
        )
        nothing_unseen = np.zeros(len(self.features), dtype=np.int64)
        nothing_unseen.flags.writeable = False  # all clean matrices share it
        derived["_clean"] = Settled((), nothing_unseen)
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    @property
    def names(self) -> tuple[str, ...]:
        """The model's names, in the matrix's order."""
        return tuple(f.name for f in self.features)

    def settle(self, matrix: Matrix, detail: Detail = FIRST_OF_EACH_ROW) -> Settled:
        """Judge every value of a decoded matrix and turn unseen levels into NaN, **in place**.

        A null where it may not be is `missing_feature`. Infinite values, fractions where a whole number is meant, and
        codes outside 0 … 2^31-1 are `invalid_value`.

        Args:
            matrix: shape (rows, features); changed only where a value is `UNSEEN`.
            detail: how much to tell of what is wrong; every bad row has at least its first problem.
        """
        if self._is_clean(matrix):
            return self._clean
        unseen = np.zeros(len(self.features), dtype=np.int64)
        if len(self._levelled):
            columns = matrix[:, self._levelled]
            strange = columns == UNSEEN
            # A null of a levelled feature is judged before the unseen ones look the same.
            problems = self._find_problems(matrix, detail)
            if strange.any():
                bad = list({problem.row for problem in problems})
                unseen[self._levelled] = strange.sum(axis=0) - strange[bad].sum(axis=0)
                columns[strange] = np.nan
                matrix[:, self._levelled] = columns
            return Settled(problems, unseen)
        return Settled(self._find_problems(matrix, detail), unseen)

    def _is_clean(self, matrix: Matrix) -> bool:
        """Whether there is nothing to judge: the usual case.

        A comparison with NaN is false: `fmax` replaces the nulls that are allowed, and leaves the others to fail.
        """
        if len(matrix) <= FEW_ROWS:
            return all(self._is_clean_row(row) for row in matrix.tolist())
        inside = np.fmax(matrix, self._null_as) <= self._highest
        if not np.greater(inside, matrix < self._lowest).all():
            return False
        if not len(self._whole):
            return True
        columns = matrix[:, self._whole]
        return not (columns > np.floor(columns)).any()

    def _is_clean_row(self, row: list[float]) -> bool:
        # On a few values plain comparisons are faster than numpy's calls, several times so where a model has just
        # emptied the processor's caches; and most requests have one row.
        for value, low, high, nullable, whole in zip(row, *self._rules, strict=True):
            if low <= value <= high:
                if whole and value % 1:
                    return False
            elif value == value or not nullable:
                return False
        return True

    def _find_problems(self, matrix: Matrix, detail: Detail) -> list[ValueProblem]:
        finite = np.isfinite(matrix)
        suspicious = ~finite if self._strict.any() else np.isinf(matrix)
        if suspicious.any():
            suspicious = np.isinf(matrix) | (np.isnan(matrix) & self._strict)
        if len(self._whole):
            columns = matrix[:, self._whole]
            with np.errstate(invalid="ignore"):
                fraction = (columns != np.floor(columns)) & np.isfinite(columns)
            suspicious[:, self._whole] |= fraction | self._outside(columns)
        return [
            _describe(row, self.features[column], float(matrix[row, column]))
            for row, column in _choose_told(suspicious, detail)
        ]

    def _outside(self, columns: Matrix) -> npt.NDArray[np.bool_]:
        """Where a value of an unlevelled whole-number feature is outside what its kind allows."""
        outside = np.zeros(columns.shape, dtype=np.bool_)
        for i, column in enumerate(self._whole):
            kind = self.features[column].kind
            if kind is Kind.CATEGORICAL:
                outside[:, i] = (columns[:, i] < 0) | (columns[:, i] > MAX_CODE)
            elif kind is Kind.BOOLEAN:
                outside[:, i] = (columns[:, i] < 0) | (columns[:, i] > 1)
        return outside


def _choose_told(suspicious: npt.NDArray[np.bool_], detail: Detail) -> Iterator[tuple[int, int]]:
    """Row and column of the values to tell of; only they cost more than numpy's time."""
    bad = np.flatnonzero(suspicious.any(axis=1))
    for row in bad[: detail.rows].tolist():
        for column in np.flatnonzero(suspicious[row])[: detail.problems].tolist():
            yield row, column
    others = bad[detail.rows :]
    yield from zip(others.tolist(), suspicious[others].argmax(axis=1).tolist(), strict=True)


def _describe(row: int, feature: Feature, value: float) -> ValueProblem:
    if math.isnan(value):
        detail = f"feature {feature.name!r} is null, but may not be"
        return ValueProblem(row, feature, Reason.MISSING_FEATURE, detail)
    expected = _EXPECTED[feature.kind] if feature.levels is None else "one of its levels"
    detail = f"feature {feature.name!r} has to be {expected}, but is {value!r}"
    return ValueProblem(row, feature, Reason.INVALID_VALUE, detail)


def _find_range(feature: Feature) -> tuple[float, float]:
    """Lowest and highest value that needs no judging; `UNSEEN` lies outside."""
    if feature.kind is Kind.BOOLEAN:
        return 0.0, 1.0
    if feature.kind is Kind.CATEGORICAL:
        return 0.0, _HIGHEST_CODE
    return -MAX_DOUBLE, MAX_DOUBLE


def bound_unseen(unseen: npt.NDArray[np.int64], kept: Matrix) -> npt.NDArray[np.int64]:
    """Unseen levels by feature, once rows have gone: which of them had some is not known, but no more than are null.

    Args:
        unseen: of more rows; shape (features,).
        kept: settled; shape (rows, features).
    """
    bounded: npt.NDArray[np.int64] = np.minimum(unseen, np.isnan(kept).sum(axis=0))
    return bounded
