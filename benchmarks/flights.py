"""What the benchmarks share: the flights model, and flights as framed Avro."""

import subprocess
import sys
from dataclasses import dataclass
from itertools import islice

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from scoreline.demo.encoding import FlightEncoder
from scoreline.demo.flights import CATEGORICAL, FEATURES, FIRST_STREAMED_MONTH, load_flights, to_rows
from scoreline.features import Feature, FeatureSet, Kind

SCHEMA_ID = 1


@dataclass(frozen=True, slots=True)
class Flights:
    """The demonstration's model, and the first flights of July.

    Attributes:
        matrix: what the payloads hold, made by hand from the rows; shape (payloads, 25).
    """

    booster: lgb.Booster
    features: FeatureSet
    ids: list[str]
    payloads: list[bytes]
    matrix: npt.NDArray[np.float64]


_TRAINING = """
import sys
from scoreline.demo.flights import load_flights
from scoreline.demo.training import train
print(train(load_flights(), trees=int(sys.argv[1]), leaves=int(sys.argv[2])).model_to_string())
"""


def train_elsewhere(trees: int, leaves: int) -> str:
    """In a process of its own: where scoreline serves, LightGBM is imported without what it reads frames with."""
    command = [sys.executable, "-c", _TRAINING, str(trees), str(leaves)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def load(count: int, *, trees: int = 200, leaves: int = 63) -> Flights:
    """Train the model and encode the first `count` flights that are streamed."""
    flights = load_flights()
    booster = lgb.Booster(model_str=train_elsewhere(trees, leaves))
    streamed = flights[flights["month"] >= FIRST_STREAMED_MONTH]
    rows = list(islice(to_rows(streamed), count))
    encoder = FlightEncoder(SCHEMA_ID)
    levels = dict(zip(CATEGORICAL, booster.pandas_categorical, strict=True))
    codes = {name: {level: code for code, level in enumerate(found)} for name, found in levels.items()}
    matrix = np.array(
        [[codes[n].get(row[n], np.nan) if n in codes else row[n] for n in FEATURES] for row in rows], dtype=np.float64
    )
    features = FeatureSet(
        tuple(
            Feature(n, Kind.CATEGORICAL, levels=tuple(levels[n])) if n in levels else Feature(n, Kind.NUMERIC)
            for n in FEATURES
        )
    )
    return Flights(booster, features, [r["id"] for r in rows], [encoder.encode(r) for r in rows], matrix)
