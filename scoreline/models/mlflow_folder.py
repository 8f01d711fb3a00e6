"""A model that MLflow has saved with its LightGBM flavour: the text in it, and what its signature says of columns."""

import json
from collections.abc import Mapping
from pathlib import Path

from scoreline.errors import ConfigError, ModelRejected
from scoreline.features import Kind
from scoreline.models.block_mapping import read_block_mapping
from scoreline.models.frames import ColumnTypes

DESCRIPTION = "MLmodel"

_FLAVOUR = ("flavors", "lightgbm")
_SIGNATURE = ("signature", "inputs")
_TEXT_CLASS = "lightgbm.basic.Booster"
_KINDS = {"boolean": Kind.BOOLEAN, "integer": Kind.INTEGER, "long": Kind.INTEGER}


def read_mlflow_folder(folder: Path) -> tuple[bytes, ColumnTypes]:
    """The model's text, and the kinds of the columns that the signature calls booleans or whole numbers.

    Raises:
        ConfigError: this is no folder of an MLflow model, or it has no LightGBM flavour.
        ModelRejected: the model in it is a pickle, which is never opened here.
    """
    description = folder / DESCRIPTION
    try:
        found = read_block_mapping(description.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} is a folder, but not of an MLflow model: it has no file {DESCRIPTION}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{description} cannot be read: {error}") from error
    if _FLAVOUR not in found:
        flavours = sorted({keys[1] for keys in found if keys[0] == _FLAVOUR[0] and len(keys) > 1})
        raise ConfigError(f"{folder} has no flavour lightgbm; it has {', '.join(flavours) or 'none'}")
    model_class = found.get((*_FLAVOUR, "model_class"), _TEXT_CLASS)
    if model_class != _TEXT_CLASS:
        raise ModelRejected(
            f"{folder} holds a pickled {model_class}, which can run anything while it is loaded and is never opened "
            "here; where you trust it: scoreline.publish(mlflow.lightgbm.load_model(FOLDER), NAME)"
        )
    return _read_text(folder, found), ColumnTypes(kinds=_read_kinds(description, found.get(_SIGNATURE, "")))


def _read_text(folder: Path, found: Mapping[tuple[str, ...], str]) -> bytes:
    name = found.get((*_FLAVOUR, "data"), "")
    file = folder / name
    if not name or not file.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{folder / DESCRIPTION} should name a file of the folder as the model, but names {name!r}")
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error


def _read_kinds(description: Path, inputs: str) -> Mapping[str, Kind]:
    """Of a signature by columns; one by tensors tells nothing of columns."""
    if inputs in ("", "null"):
        return {}
    try:
        columns = json.loads(inputs)
        return {c["name"]: _KINDS[c["type"]] for c in columns if c.get("type") in _KINDS and "name" in c}
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"the signature in {description} cannot be read: {error}") from error
