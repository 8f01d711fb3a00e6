"""What is known to keep a model from being compiled: found in its text, before anything is tried."""

import numpy as np

from scoreline.models.model_text import ModelText, split_model_text
from scoreline.models.trees import Splits, read_splits

RAW_OBJECTIVES = frozenset({"", "custom", "none", "null", "na"})
"""Without an objective of LightGBM's: a score is the sum of the leaves."""

MOST_CODE = 2**12 - 1
"""lleaves' code copies a set of categories, one bit a code up to its highest, wherever a split asks it: with codes up
to 4,000 it is twice as fast as LightGBM, with codes up to 16,000 half as fast."""

_KNOWN_OBJECTIVES = RAW_OBJECTIVES | {
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "quantile",
    "mape",
    "poisson",
    "gamma",
    "tweedie",
    "binary",
    "cross_entropy",
    "xentropy",
    "lambdarank",
    "rank_xendcg",
    "multiclass",
}


def objective_of(text: ModelText) -> str:
    """The objective's name without its parameters; empty for a custom one."""
    return (text.header.get("objective", "").split() or [""])[0]


def find_obstacle(data: bytes) -> str | None:
    """Why lleaves would compile this model wrongly or not at all; None where nothing is known against it.

    Args:
        data: the model text.

    Raises:
        ModelRejected: it is damaged.
    """
    text = split_model_text(data)
    objective = objective_of(text)
    if objective not in _KNOWN_OBJECTIVES:
        return f"its objective {objective!r} is not among those that can be compiled"
    if "average_output" in text.header and text.header_number("num_class") > 1:
        return "it is a random forest of several classes, whose averages lleaves gets wrong"
    categorical = np.array([not info.startswith("[") for info in text.feature_infos])
    for number, tree in enumerate(text.trees):
        splits = read_splits(tree, number, len(categorical))
        obstacle = _find_in_tree(splits, categorical)
        if obstacle is not None:
            return obstacle
    return None


def _find_in_tree(splits: Splits, categorical: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str | None:
    numeric = ~splits.categorical
    if splits.linear:
        return "its trees have linear models in their leaves (linear_tree), which lleaves leaves out"
    if (splits.categorical != categorical[splits.features]).any():
        return "it splits a feature otherwise than its feature_infos tell: numbers as categories or the reverse"
    if (numeric & (splits.thresholds == 0.0)).any():
        return "it has a split at exactly 0, which lleaves refuses"
    if splits.highest_codes.max(initial=-1) > MOST_CODE:
        return f"it tells category codes over {MOST_CODE} apart, where compiled code is slower than LightGBM"
    return None
