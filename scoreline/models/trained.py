"""What people hold after training, turned into the text that is published: exactly the trees that its predict uses."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoreline.errors import ConfigError, ModelRejected
from scoreline.models.frames import ColumnTypes
from scoreline.models.mlflow_folder import read_mlflow_folder

_ACCEPTED = (
    "a lightgbm.Booster, LGBMClassifier, LGBMRegressor or LGBMRanker, the path of a file that save_model wrote, or "
    "the folder of an MLflow model"
)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model as text, and what else it told.

    Attributes:
        classes: names of the classes of a multi-class model, in the order of its scores.
        types: of the columns that it was trained on.
        training: facts to note in the manifest.
    """

    text: bytes
    classes: tuple[str, ...] | None = None
    types: ColumnTypes = field(default_factory=ColumnTypes)
    training: Mapping[str, Any] = field(default_factory=dict)


def read_trained(model: object) -> TrainedModel:
    """Take the text out of a trained model, a file or an MLflow folder.

    LightGBM is not imported here: whoever holds one of its models has imported it.

    Raises:
        ConfigError: it is something else, is not trained yet, or cannot be written as text.
        ModelRejected: it is a folder with a pickle.
    """
    if isinstance(model, str | os.PathLike):
        return _read_path(Path(model))
    lightgbm = sys.modules.get("lightgbm")
    if lightgbm is not None and isinstance(model, lightgbm.Booster):
        return TrainedModel(_write_text(model))
    if lightgbm is not None and isinstance(model, lightgbm.LGBMModel):
        return _read_wrapper(model)
    raise ConfigError(f"the model should be {_ACCEPTED}, but is a {_describe(model)}{_way_out(model)}")


def _read_path(path: Path) -> TrainedModel:
    if path.is_dir():
        text, types = read_mlflow_folder(path)
        return TrainedModel(text, types=types)
    try:
        return TrainedModel(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error


def _read_wrapper(model: Any) -> TrainedModel:
    try:
        booster = model.booster_
    except ValueError as error:  # scikit-learn's NotFittedError is one
        raise ConfigError(f"the {_describe(model)} is not fitted: call fit first") from error
    if model.get_params().get("pred_early_stop"):
        raise ConfigError(
            "with pred_early_stop the model's predict leaves out trees, which no served model does; train without it, "
            "or set_params(pred_early_stop=False)"
        )
    text = _write_text(booster)
    labels = [_name(label) for label in getattr(model, "classes_", ())]
    if booster.num_model_per_iteration() > 1:
        return TrainedModel(text, tuple(labels) or None)
    return TrainedModel(text, training={"classes": labels} if labels else {})


def _write_text(booster: Any) -> bytes:
    """By default both `predict` and `model_to_string` stop at `best_iteration` where there is one."""
    try:
        text: str = booster.model_to_string()
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"LightGBM cannot write the model as text: {error}; categories other than texts, numbers and booleans "
            "(timestamps, intervals) have to be turned into texts before the training"
        ) from error
    except sys.modules["lightgbm"].basic.LightGBMError as error:
        raise ModelRejected(f"LightGBM cannot write the model as text: {error}") from error
    return text.encode()


def _name(label: Any) -> str:
    return str(label.item() if hasattr(label, "item") else label)


def _describe(model: object) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _way_out(model: object) -> str:
    if hasattr(model, "boosters"):
        return "; publish one of its boosters"
    if hasattr(model, "steps"):
        return (
            "; publish the LightGBM model of its last step, and have what the other steps do done to the features "
            "before they are sent"
        )
    if isinstance(model, bytes | bytearray):
        return "; write it to a file first, if it is a model's text"
    return ""
