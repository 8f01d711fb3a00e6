"""Cells of rows that a person gives, turned into columns of a matrix as a decoder would fill them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.features import UNSEEN, Feature, FeatureSet, Level, Matrix
from scoreline.models.golden_rows import read_cell
from scoreline.models.row_files import RowMapping


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What cells of rows have given.

    Attributes:
        matrix: not settled; shape (rows, features).
        problems: of rows with a cell that is no value of its feature: what is wrong with the first one, by row.
        columns: names of the features that at least one row says something of.
    """

    matrix: Matrix
    problems: Mapping[int, str]
    columns: frozenset[str]


class CellReader:
    """Reads rows, in which a feature stands under its name, else under its field.

    A level that is not in a feature's list is no mistake: it is `UNSEEN`.
    """

    def __init__(self, features: FeatureSet) -> None:
        self._features = features
        self._codes = [_find_codes(feature) for feature in features]

    def read(self, rows: Sequence[RowMapping]) -> ReadRows:
        """Read cells of text or values; what is left out is null."""
        matrix = np.empty((len(rows), len(self._features)), dtype=np.float64)
        problems: dict[int, str] = {}
        columns = set()
        for i, (feature, codes) in enumerate(zip(self._features, self._codes, strict=True)):
            name, field = feature.name, feature.field
            cells = _take_cells(rows, name, field)
            if any(cell is not None for cell in cells) or any(name in row or field in row for row in rows):
                columns.add(name)
            matrix[:, i] = _read_at_once(codes, cells, feature, problems)
        return ReadRows(matrix, problems, frozenset(columns))


def _take_cells(rows: Sequence[RowMapping], name: str, field: str) -> Sequence[Any]:
    """A feature's cells; nearly always each row has one under its name, and no loop of ours has to look."""
    try:
        return list(map(itemgetter(name), rows))
    except KeyError:
        return [row[name] if name in row else row.get(field) for row in rows]


def _find_codes(feature: Feature) -> Mapping[Any, float] | None:
    """The code of each level, and of its text, since CSV knows nothing else; None without a level list."""
    if feature.levels is None:
        return None
    codes: dict[Level | None, float] = {str(level): float(code) for level, code in feature.codes.items()}
    return {**codes, **{level: float(code) for level, code in feature.codes.items()}, None: np.nan}


def _read_at_once(
    codes: Mapping[Any, float] | None, cells: Sequence[Any], feature: Feature, problems: dict[int, str]
) -> npt.NDArray[np.float64]:
    """Whole columns where all is well with them: a loop over cells takes several times as long."""
    try:
        if codes is None:
            return np.array(cells, dtype=np.float64)
        return np.array([codes.get(cell, UNSEEN) if cell == cell else np.nan for cell in cells], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return _read_each(codes, cells, feature, problems)


def _read_each(
    codes: Mapping[Any, float] | None, cells: Sequence[Any], feature: Feature, problems: dict[int, str]
) -> npt.NDArray[np.float64]:
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if codes is not None and not isinstance(cell, list | dict):
            values[row] = codes.get(cell, UNSEEN) if cell == cell else np.nan
            continue
        try:
            value = read_cell(feature, cell)
        except ValueError as error:
            problems.setdefault(row, str(error))
            continue
        values[row] = np.nan if value is None else float(value)
    return values
