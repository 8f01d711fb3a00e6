"""A trained model of some shape, and what the scripts that train them share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROWS, ASKED = 240, 40
TINY = {"num_leaves": 6, "min_data_in_leaf": 5, "min_data_per_group": 5, "cat_smooth": 1, "verbose": -1, "seed": 1}
TINY |= {"num_threads": 1}


@dataclass
class Case:
    """A trained model, rows to ask it (a frame or a matrix), and what its publisher has to say."""

    model: Any
    asked: Any
    said: Mapping[str, Any] = field(default_factory=dict)
    refused_without: bool = False
