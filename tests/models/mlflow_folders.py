"""Folders as MLflow writes them when it saves a LightGBM model."""

import json
from pathlib import Path
from typing import Any

import yaml


def write_mlflow_folder(
    folder: Path,
    content: bytes,
    *,
    data: str = "model.lgb",
    model_class: str = "lightgbm.basic.Booster",
    flavour: str = "lightgbm",
    inputs: Any = None,
) -> Path:
    """An MLflow model whose file `data` has this content; `inputs` are the columns of its signature."""
    folder.mkdir()
    (folder / Path(data).name).write_bytes(content)
    description = {
        "artifact_path": "model",
        "flavors": {
            flavour: {"code": None, "data": data, "lgb_version": "4.6.0", "model_class": model_class},
            "python_function": {"data": data, "env": {"conda": "conda.yaml"}, "loader_module": "mlflow.lightgbm"},
        },
        "mlflow_version": "3.1.0",
        "model_uuid": "5f2c",
        "utc_time_created": "2026-01-02 03:04:05.678901",
    }
    if inputs is not None:
        description["signature"] = {"inputs": json.dumps(inputs), "outputs": None, "params": None}
    (folder / "MLmodel").write_text(yaml.safe_dump(description, default_flow_style=False), encoding="utf-8")
    return folder
