"""Makes a publication of what a person holds: a trained model, rows in frames or files, statements as mappings."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from scoreline.errors import ConfigError
from scoreline.models.feature_rules import FeatureStatement, read_statements
from scoreline.models.frames import ColumnTypes, to_plain
from scoreline.models.model_text import read_header
from scoreline.models.publishing import Publication
from scoreline.models.tables import Table, make_table
from scoreline.models.trained import TrainedModel, read_trained


def prepare_publication(
    model: object,
    name: str,
    *,
    by: str,
    model_format: str | None = None,
    alias: str | None = None,
    features: object = None,
    classes: Sequence[object] | None = None,
    baseline: object = None,
    time: str | None = None,
    golden: object = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Publication:
    """Read everything that was given; nothing is judged against the model yet, and nothing written.

    Args:
        by: who publishes.
        model_format: name of a file's format; recognized if None.

    Raises:
        ConfigError: an argument cannot be read.
        ModelRejected: the model is a pickle.

    The other arguments are those of `scoreline.publish`.
    """
    trained = read_trained(model)
    golden_table = _make_table(golden, trained, what="golden")
    baseline_table = _make_table(baseline, trained, what="baseline")
    told = [table.types for table in (golden_table, baseline_table) if table is not None]
    return Publication(
        name=name,
        text=trained.text,
        by=by,
        file_name=Path(model).name if isinstance(model, str | os.PathLike) else "",
        format=model_format,
        alias=alias,
        statements=_read_statements(features),
        types=_merge([trained.types, *told]),
        classes=trained.classes if classes is None else [str(to_plain(label)) for label in classes],
        golden=None if golden_table is None else golden_table.rows(),
        baseline=baseline_table,
        time_column=time,
        training={**trained.training, **_note_baseline(baseline_table, time)},
        metrics=_check_metrics(metrics or {}),
        tags=_check_tags(tags or {}),
    )


def _make_table(given: object, trained: TrainedModel, *, what: str) -> Table | None:
    return None if given is None else make_table(given, _find_names(trained.text), what=what)


def _find_names(text: bytes) -> Sequence[str]:
    """The model's features; none where this is no text of LightGBM, which is for `publish` to judge."""
    return read_header(text)["feature_names"].split(" ") if text.startswith(b"tree") else ()


def _merge(told: Sequence[ColumnTypes]) -> ColumnTypes:
    """The baseline, which comes last, has the last word."""
    levels = next((types.levels for types in reversed(told) if types.levels), {})
    return ColumnTypes(levels, {name: kind for types in told for name, kind in types.kinds.items()})


def _note_baseline(table: Table | None, time: str | None) -> Mapping[str, Any]:
    if table is None:
        if time is not None:
            raise ConfigError(f"{time!r} names the time column of a baseline, but there is no baseline")
        return {}
    if time is not None and time not in table.columns:
        raise ConfigError(
            f"{table.what} has no column {time!r} for the time; its columns are {', '.join(table.columns)}"
        )
    return {"baseline_format": str(table.row_format)} | ({} if time is None else {"baseline_time_column": time})


def _read_statements(features: object) -> tuple[FeatureStatement, ...]:
    if features is None:
        return ()
    if isinstance(features, str | os.PathLike):
        path = Path(features)
        try:
            return read_statements(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    if not isinstance(features, Sequence):
        raise ConfigError(f"features should be a list of mappings or a path, but is a {type(features).__name__}")
    try:
        return tuple(f if isinstance(f, FeatureStatement) else _to_statement(f) for f in features)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"features cannot be used: {error}") from error


def _to_statement(said: Any) -> FeatureStatement:
    """Levels may come as a numpy array or a pandas index too."""
    levels = said.get("levels") if isinstance(said, Mapping) else None
    if isinstance(levels, Iterable) and not isinstance(levels, str):
        said = {**said, "levels": [to_plain(level) for level in levels]}
    return msgspec.convert(said, FeatureStatement)


def _check_metrics(metrics: Mapping[Any, Any]) -> Mapping[str, float]:
    bad = [f"{k}={v!r}" for k, v in metrics.items() if not (isinstance(k, str) and k and _is_finite_number(v))]
    if bad:
        raise ConfigError(*(f"metric {metric} should be a name with a finite number" for metric in bad))
    return {name: float(value) for name, value in metrics.items()}


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))


def _check_tags(tags: Mapping[Any, Any]) -> Mapping[str, str]:
    bad = [f"{k!r}: {v!r}" for k, v in tags.items() if not (isinstance(k, str) and k and isinstance(v, str))]
    if bad:
        raise ConfigError(*(f"tag {tag} should be a text with a text" for tag in bad))
    return dict(tags)
