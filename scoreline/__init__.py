"""scoreline: Kafka streaming inference for tree models, with an HTTP sidecar."""

import logging
from collections.abc import Mapping, Sequence
from os import PathLike

__version__ = "0.1.0"

__all__ = ["__version__", "publish"]


def publish(
    model: object,
    name: str,
    *,
    store: str | PathLike[str] | None = None,
    alias: str | None = None,
    features: object = None,
    classes: Sequence[object] | None = None,
    baseline: object = None,
    time: str | None = None,
    golden: object = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> int:
    """Check a trained model and publish it as the next version of a name.

    Stored are exactly the trees that the model's own `predict` uses: up to `best_iteration` after early stopping.
    Rows (`baseline`, `golden`) may be a path of CSV, JSON lines or Parquet, a pandas DataFrame, a numpy array with the
    model's features as columns (levels, not codes), a pyarrow Table, or a list of mappings.

    Args:
        model: a `lightgbm.Booster`, `LGBMClassifier`, `LGBMRegressor` or `LGBMRanker`, the path of a file that
            `save_model` wrote, or the folder of an MLflow model with the LightGBM flavour.
        name: of the model in the store.
        store: a folder or an fsspec URL; what `SCORELINE_MODEL_STORE` says if left out.
        alias: is moved to the new version.
        features: what the model does not tell of its features: a list of mappings with the keys `name`, `field`,
            `kind`, `nullable`, `optional` and `levels` (`name` required), or the path of such a list as JSON.
        classes: names of the classes of a multi-class model, in the order of its scores; its `classes_` if left out.
        baseline: rows of the training, kept with the version, scored and counted: what drift is measured from. Rows
            that cannot be scored are left out, with a warning in the log. The categories of a frame also tell which
            level list is whose, and its booleans which features are.
        time: the baseline's column with the time, as numbers, ISO 8601 texts or moments. Only rows in an order tell how
            much one window differs from the next, and so what would be drift.
        golden: rows to check every load with; their scores may stand in a column `prediction`.
        metrics: finite numbers by name, noted with the version.
        tags: texts by name, noted with the version.

    Returns:
        The version's number.

    Raises:
        scoreline.errors.ConfigError: what was said contradicts the model, or is not enough; nothing was written.
        scoreline.errors.ModelRejected: it is no model that can be served; nothing was written.
        scoreline.errors.Unavailable, scoreline.errors.Refused: the store is away or refuses.
    """
    from scoreline.models.baseline.notes import describe_left_out
    from scoreline.models.preparing import prepare_publication
    from scoreline.models.publisher import whoami
    from scoreline.models.publishing import publish as publish_version
    from scoreline.models.store import ModelStore

    publication = prepare_publication(
        model,
        name,
        by=whoami(),
        alias=alias,
        features=features,
        classes=classes,
        baseline=baseline,
        time=time,
        golden=golden,
        metrics=metrics,
        tags=tags,
    )
    if store is None:
        from scoreline.config.settings import load_settings

        store = load_settings().model_store
    manifest = publish_version(ModelStore(str(store)), publication)
    left_out = describe_left_out(manifest.training)
    if left_out is not None:
        logging.getLogger(__name__).warning("%s", left_out)
    return manifest.version
