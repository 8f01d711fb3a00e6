"""What people hold rows in where they train: pandas, pyarrow and numpy, read without importing any of the first two."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scoreline.errors import ConfigError
from scoreline.features import Kind, Level

_ACCEPTED = "a path, a pandas DataFrame, a numpy array with two dimensions, a pyarrow Table or a list of mappings"


@dataclass(frozen=True, slots=True)
class ColumnTypes:
    """What the types of columns tell of the features of their names.

    Attributes:
        levels: of columns that are categories, in the order of the columns.
        kinds: of columns that can be nothing else.
    """

    levels: Mapping[str, tuple[Level, ...]] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows as one list a column, null as None."""

    values: Mapping[str, Sequence[Any]]
    types: ColumnTypes = field(default_factory=ColumnTypes)


def read_columns(given: object, names: Sequence[str], *, what: str) -> Columns:
    """Read what somebody holds in memory.

    Args:
        names: of the model's features, for what has no names of its own.
        what: the argument, for messages.

    Raises:
        ConfigError: it is nothing that rows can be read from.
    """
    pandas, pyarrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if pandas is not None and isinstance(given, pandas.DataFrame):
        return _read_frame(given, names, what)
    if pyarrow is not None and isinstance(given, pyarrow.Table):
        return _read_arrow(given)
    if isinstance(given, np.ndarray):
        return _read_array(given, names, what)
    if (
        isinstance(given, Sequence)
        and not isinstance(given, str | bytes)
        and all(isinstance(r, Mapping) for r in given)
    ):
        return _read_mappings(given)
    raise ConfigError(f"{what} should be {_ACCEPTED}, but is {_describe(given)}")


def to_plain(value: Any) -> Any:
    """A Python value in the place of a numpy one; NaN and pandas' nulls become None."""
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or (isinstance(plain, float) and plain != plain):
        return None
    return plain


def _read_frame(frame: Any, names: Sequence[str], what: str) -> Columns:
    labels = [_find_name(str(label), names) for label in frame.columns]
    if len(set(labels)) != len(labels):
        raise ConfigError(f"{what} has two columns of one name: {sorted({n for n in labels if labels.count(n) > 1})}")
    values: dict[str, Sequence[Any]] = {}
    levels: dict[str, tuple[Level, ...]] = {}
    kinds: dict[str, Kind] = {}
    for position, label in enumerate(labels):
        column = frame.iloc[:, position]
        if hasattr(column.dtype, "categories"):
            levels[label] = tuple(map(to_plain, column.dtype.categories))
            # By the codes: beside a null pandas would give whole numbers as doubles.
            values[label] = [None if code < 0 else levels[label][code] for code in column.cat.codes]
            continue
        values[label] = column.to_numpy(dtype=object, na_value=None).tolist()
        if column.dtype.kind == "b":
            kinds[label] = Kind.BOOLEAN
    return Columns(values, ColumnTypes(levels, kinds))


def _find_name(label: str, names: Sequence[str]) -> str:
    """LightGBM writes an underscore for a space in a feature's name."""
    changed = label.replace(" ", "_")
    return changed if label not in names and changed in names else label


def _read_arrow(table: Any) -> Columns:
    values = {name: table.column(name).to_pylist() for name in table.column_names}
    levels: dict[str, tuple[Level, ...]] = {}
    kinds: dict[str, Kind] = {}
    for column in table.schema:
        if hasattr(column.type, "index_type") and table.num_rows:
            unified = table.column(column.name).unify_dictionaries()
            levels[column.name] = tuple(unified.chunk(0).dictionary.to_pylist())
        elif str(column.type) == "bool":
            kinds[column.name] = Kind.BOOLEAN
    return Columns(values, ColumnTypes(levels, kinds))


def _read_array(array: "np.ndarray[Any, Any]", names: Sequence[str], what: str) -> Columns:
    if not names:
        raise ConfigError(f"{what} should have names for its columns, because the model tells none; it is an array")
    if array.ndim != 2 or array.shape[1] != len(names):
        raise ConfigError(
            f"{what} should have a column for each of the model's {len(names)} features, in the model's order, but is "
            f"an array of shape {array.shape}"
        )
    return Columns({name: array[:, i].tolist() for i, name in enumerate(names)})


def _read_mappings(rows: Sequence[Mapping[Any, Any]]) -> Columns:
    labels = list(dict.fromkeys(str(key) for row in rows for key in row))
    return Columns({label: [row.get(label) for row in rows] for label in labels})


def _describe(given: object) -> str:
    return f"{type(given).__module__}.{type(given).__qualname__}"
