"""`python -m tests.integration.shapes FOLDER`: train a model of every objective and shape, and publish it.

Runs as people train: in a process of its own, with pandas and scikit-learn. For each shape it leaves version 1 in the
store of the folder, and `<shape>.json` with rows, what the model's own `predict` gives for them, and why it was refused
before its publisher said more.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.integration.shape_case import Case
from tests.integration.shapes_of_frames import FRAME_SHAPES
from tests.integration.shapes_of_matrices import MATRIX_SHAPES, NAMES

SHAPES = {**MATRIX_SHAPES, **FRAME_SHAPES}


def main(folder: Path) -> None:
    """Train, publish and ask every shape."""
    import scoreline
    from scoreline.errors import ConfigError

    warnings.simplefilter("ignore")
    for name, make in SHAPES.items():
        case = make()
        refused = None
        if case.refused_without:
            try:
                scoreline.publish(case.model, name, store=folder)
            except ConfigError as error:
                refused = str(error)
        scoreline.publish(case.model, name, store=folder, **case.said)
        (folder / f"{name}.json").write_text(json.dumps({**ask(folder, name, case), "refused": refused}))


def ask(folder: Path, name: str, case: Case) -> dict[str, Any]:
    """Rows as a producer would send them, with what the original model says."""
    import lightgbm as lgb
    import pandas as pd

    from scoreline.models.store import ModelStore

    features = ModelStore(str(folder)).manifest(name, 1).features
    model = case.model
    if isinstance(model, str | Path):
        file = Path(model)
        model = lgb.Booster(model_file=file / "model.lgb" if file.is_dir() else file)
    booster = model if isinstance(model, lgb.Booster) else model.booster_
    asked = case.asked.copy()
    as_frame = asked if isinstance(asked, pd.DataFrame) else pd.DataFrame(asked, columns=NAMES)
    for i, feature in enumerate(features):
        column = as_frame.iloc[:, i]
        if not feature.nullable and column.isna().any():
            as_frame.isetitem(i, column.where(column.notna(), 0.0))
    whole = {f.name for f in features if f.kind in ("categorical", "integer") and f.levels is None}
    columns = {f.name: read_column(as_frame.iloc[:, i]) for i, f in enumerate(features)}
    rows = [
        {k: int(v) if k in whole and v is not None else v for k, v in zip(columns, values, strict=True)}
        for values in zip(*columns.values(), strict=True)
    ]
    expected = booster.predict(as_frame if asked is as_frame else as_frame.to_numpy(np.float64), num_threads=1)
    if model is not booster:
        assert np.array_equal(expected, predict_with_wrapper(model, as_frame))
    scores = [score.hex() for score in np.ravel(expected).tolist()]
    return {"rows": rows, "scores": scores, "shape": list(expected.shape)}


def read_column(column: Any) -> Sequence[Any]:
    if not hasattr(column, "cat"):
        return column.to_numpy(dtype=object, na_value=None).tolist()
    levels = column.cat.categories.tolist()
    return [None if code < 0 else levels[code] for code in column.cat.codes]


def predict_with_wrapper(model: Any, frame: Any) -> np.ndarray:
    """What a scikit-learn wrapper's own predict gives: of a classifier of two the share of the second class."""
    if not hasattr(model, "predict_proba"):
        return np.asarray(model.predict(frame))
    scores = np.asarray(model.predict_proba(frame))
    return scores[:, 1] if scores.ndim == 2 and model.booster_.num_model_per_iteration() == 1 else scores


if __name__ == "__main__":
    main(Path(sys.argv[1]))
