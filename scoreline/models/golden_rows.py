"""Rows that a person gives as golden rows: from mappings with cells of text or values to the model's own order."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from scoreline.errors import ConfigError
from scoreline.features import Feature, FeatureSet, Kind, Level
from scoreline.models.golden import Row, Value
from scoreline.models.model import Scores
from scoreline.models.row_files import RowMapping

EXPECTED = "prediction"
"""A column of this name, where no feature has it, holds the scores that the rows have to give."""

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def to_rows(features: FeatureSet, given: Sequence[RowMapping]) -> list[Row]:
    """One value a feature, in the model's order; a feature is found by its name, else by its field.

    Raises:
        ConfigError: a column is missing, or a cell is no value of its feature.
    """
    columns = {feature.name: _find_column(feature, given[0]) for feature in features}
    missing = [name for name, column in columns.items() if column is None]
    if missing:
        raise ConfigError(f"the golden rows have no column for {', '.join(missing)}")
    rows: list[Row] = []
    for i, row in enumerate(given):
        try:
            rows.append([read_cell(feature, row.get(columns[feature.name] or "")) for feature in features])
        except ValueError as error:
            raise ConfigError(f"golden row {i}: {error}") from error
    return rows


def find_expected(features: FeatureSet, given: Sequence[RowMapping], *, outputs: int) -> Scores | None:
    """The scores that the rows have to give, if they say so; shape (rows,), or (rows, outputs) with several.

    Raises:
        ConfigError: the column is there, but does not hold scores of this model.
    """
    if not given or EXPECTED not in given[0] or EXPECTED in features.names:
        return None
    cells = [row.get(EXPECTED) for row in given]
    try:
        values = [json.loads(cell) if isinstance(cell, str) else cell for cell in cells]
        scores = np.array(values, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the golden rows' column {EXPECTED!r} does not hold scores: {error}") from error
    if not np.isfinite(scores).all():
        raise ConfigError(f"the golden rows' column {EXPECTED!r} has a score that is no finite number")
    if scores.shape != ((len(given),) if outputs == 1 else (len(given), outputs)):
        raise ConfigError(f"the golden rows' column {EXPECTED!r} should hold {outputs} scores a row")
    return scores


def _find_column(feature: Feature, row: RowMapping) -> str | None:
    return next((column for column in (feature.name, feature.field) if column in row), None)


def read_cell(feature: Feature, cell: Any) -> Value:
    """One cell, of text or a value, as a value of its feature.

    Raises:
        ValueError: it is none.
    """
    if cell is None or cell != cell:  # NaN counts as null
        return None
    if feature.levels is not None:
        return _read_level(feature, feature.levels, cell)
    if isinstance(cell, str):
        if feature.kind is Kind.BOOLEAN and cell.lower() in _TRUTHS:
            return _TRUTHS[cell.lower()]
        try:
            number = float(cell)
        except ValueError:
            raise ValueError(f"feature {feature.name!r} has to be a number, but is {cell!r}") from None
        return None if number != number else number
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float):
        try:
            return float(cell)
        except OverflowError as error:
            raise ValueError(f"feature {feature.name!r}: {error}") from error
    raise ValueError(f"feature {feature.name!r} cannot be {cell!r} of type {type(cell).__name__}")


def _read_level(feature: Feature, levels: tuple[Level, ...], cell: Any) -> Value:
    """The level itself; text is also looked up as the text of a level, since CSV knows nothing else."""
    if not isinstance(cell, list | dict) and cell in feature.codes:
        return levels[feature.codes[cell]]
    by_text: dict[str, Value] = {str(level): level for level in levels}
    found = by_text.get(cell) if isinstance(cell, str) else None
    if found is None:
        raise ValueError(f"feature {feature.name!r} has no level {cell!r}")
    return found
