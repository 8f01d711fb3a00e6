"""Trains the demonstration's model: the probability that a flight arrives more than 15 minutes late."""

from typing import TYPE_CHECKING

from scoreline.demo.flights import CATEGORICAL, FEATURES, FIRST_STREAMED_MONTH

if TYPE_CHECKING:
    import lightgbm as lgb
    import pandas as pd

TREES = 200
LEAVES = 63


def as_training_frame(flights: "pd.DataFrame") -> "pd.DataFrame":
    """The 25 features, strings as pandas categories whose levels LightGBM then keeps with the model."""
    return flights[list(FEATURES)].astype(dict.fromkeys(CATEGORICAL, "category"))


def train(flights: "pd.DataFrame", *, trees: int = TREES, leaves: int = LEAVES) -> "lgb.Booster":
    """Train on January to June of `load_flights()`; seeded, so that the same machine gives the same trees."""
    import lightgbm as lgb

    known = flights[(flights["month"] < FIRST_STREAMED_MONTH) & flights["late"].notna()]
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "learning_rate": 0.05,
        "min_data_in_leaf": 50,
        "cat_smooth": 20,
        "seed": 13,
        "deterministic": True,
        "verbosity": -1,
        # Two threads take half as long on an idle machine, and ten times as long where others use a core: they spin.
        "num_threads": 1,
    }
    data = lgb.Dataset(as_training_frame(known), known["late"].to_numpy())
    return lgb.train(parameters, data, num_boost_round=trees)
