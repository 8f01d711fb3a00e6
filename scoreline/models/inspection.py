"""What a model text says about itself, read without LightGBM: features, outputs, what its splits know of nulls."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelRejected
from scoreline.models.model_text import ModelText, split_model_text
from scoreline.models.trees import Splits, read_splits


class Output(StrEnum):
    """What a model's scores mean."""

    VALUE = "value"  # regression, in the target's unit
    PROBABILITY = "probability"  # of the positive class
    PROBABILITIES = "probabilities"  # one a class
    RANKING = "ranking"  # higher goes first; no unit
    RAW = "raw"  # a custom objective's raw scores


_OUTPUTS = {
    "binary": Output.PROBABILITY,
    "cross_entropy": Output.PROBABILITY,
    "xentropy": Output.PROBABILITY,
    "multiclass": Output.PROBABILITIES,
    "multiclassova": Output.PROBABILITIES,
    "lambdarank": Output.RANKING,
    "rank_xendcg": Output.RANKING,
    "custom": Output.RAW,
    "none": Output.RAW,
    "null": Output.RAW,
    "na": Output.RAW,
    "": Output.RAW,
}


@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """What a model text says of one feature.

    Attributes:
        categorical: whether its values are category codes.
        splits: how many splits use it.
        saw_nulls: of a numeric feature with splits, whether any of them learned what a null means; else None.
        highest_code: the highest category code that any split sends left; -1 without one.
        thresholds: of its numeric splits, ascending, each once; shape (distinct,).
        codes: category codes named by feature_infos; LightGBM leaves rare ones out.
        span: lowest and highest value in training, None where the text does not say.
    """

    name: str
    categorical: bool
    splits: int
    saw_nulls: bool | None
    highest_code: int
    thresholds: npt.NDArray[np.float64]
    codes: tuple[int, ...]
    span: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model text says about itself.

    Attributes:
        objective: LightGBM's objective with its parameters, as in `binary sigmoid:1`; empty for a custom one.
        outputs: scores a row.
        level_lists: level lists of pandas columns, in column order, without names.
        categorical_parameter: positions that training was told are categorical, None where the text does not say.
    """

    features: tuple[FeatureFacts, ...]
    objective: str
    outputs: int
    trees: int
    linear: bool
    averaged: bool
    use_missing: bool
    zero_as_missing: bool
    level_lists: tuple[tuple[Any, ...], ...]
    categorical_parameter: tuple[int, ...] | None
    boosting: str
    format_version: str

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in the order of the matrix."""
        return tuple(feature.name for feature in self.features)

    @property
    def output(self) -> Output:
        """What the scores mean."""
        return _read_output(self.objective)


def inspect_model(data: bytes) -> ModelFacts:
    """Read a whole model text and check its structure; costs about 0.1 ms a tree.

    Raises:
        ModelRejected: it is damaged, or no LightGBM text.
    """
    text = split_model_text(data)
    count = len(text.feature_names)
    outputs = text.header_number("num_tree_per_iteration")
    if outputs < 1 or len(text.trees) % outputs:
        raise ModelRejected(f"the model text has {len(text.trees)} trees, but should have {outputs} an iteration")
    if not text.trees:
        raise ModelRejected("the model has no trees")
    _check_outputs(text, outputs)
    splits = [read_splits(tree, number, count) for number, tree in enumerate(text.trees)]
    parameters = text.parameters
    return ModelFacts(
        features=_collect_features(text, splits),
        objective=text.header.get("objective", ""),
        outputs=outputs,
        trees=len(text.trees),
        linear=any(tree.linear for tree in splits),
        averaged="average_output" in text.header,
        use_missing=parameters.get("use_missing", "1") != "0",
        zero_as_missing=parameters.get("zero_as_missing", "0") != "0",
        level_lists=text.pandas_categorical,
        categorical_parameter=_read_positions(parameters.get("categorical_feature", ""), count),
        boosting=parameters.get("boosting", ""),
        format_version=text.header["version"],
    )


def _check_outputs(text: ModelText, outputs: int) -> None:
    """Refuse an objective and a number of classes that would make LightGBM write more scores than there is room for."""
    classes = text.header_number("num_class")
    if classes != outputs:
        raise ModelRejected(f"the model text has {classes} classes, but {outputs} trees an iteration")
    objective = text.header.get("objective")
    if objective is not None and not objective.strip(" "):
        raise ModelRejected("the model text names an empty objective")
    output = _read_output(objective or "")
    if output is Output.PROBABILITIES:
        # All that could be read as the number: LightGBM takes the last one.
        numbers = [word for word in (objective or "").split(" ") if "num_class" in word]
        if outputs == 1 or numbers != [f"num_class:{outputs}"]:
            raise ModelRejected(f"the objective {objective!r} does not fit a model of {outputs} trees an iteration")
    elif output is not Output.RAW and outputs != 1:
        raise ModelRejected(f"the objective {objective!r} gives one score a row, but the model text has {outputs}")


def _read_output(objective: str) -> Output:
    words = [word for word in objective.split(" ") if word]
    return _OUTPUTS.get(words[0] if words else "", Output.VALUE)


def _collect_features(text: ModelText, trees: list[Splits]) -> tuple[FeatureFacts, ...]:
    at = np.concatenate([tree.features for tree in trees])
    thresholds = np.concatenate([tree.thresholds for tree in trees])
    categorical = np.concatenate([tree.categorical for tree in trees])
    missing = np.concatenate([tree.missing_types for tree in trees])
    codes = np.concatenate([tree.highest_codes for tree in trees])
    order = np.argsort(at, kind="stable")
    bounds = np.searchsorted(at[order], np.arange(len(text.feature_names) + 1))
    found = []
    for i, (name, info) in enumerate(zip(text.feature_names, text.feature_infos, strict=True)):
        mine = order[bounds[i] : bounds[i + 1]]
        span, seen = _read_info(name, info)
        by_category = bool(seen) or bool(categorical[mine].any())
        found.append(
            FeatureFacts(
                name=name,
                categorical=by_category,
                splits=len(mine),
                saw_nulls=None if by_category or not len(mine) else bool(missing[mine].any()),
                highest_code=int(codes[mine].max(initial=-1)),
                thresholds=np.unique(thresholds[mine][~categorical[mine]]),
                codes=seen,
                span=span,
            )
        )
    return tuple(found)


def _read_info(name: str, info: str) -> tuple[tuple[float, float] | None, tuple[int, ...]]:
    """Span and category codes of one entry of feature_infos."""
    if info == "none":
        return None, ()
    try:
        if info.startswith("[") and info.endswith("]"):
            low, high = (float(bound) for bound in info[1:-1].split(":"))
            return (low, high), ()
        return None, tuple(sorted(code for code in map(int, info.split(":")) if code >= 0))
    except ValueError as error:
        raise ModelRejected(f"the model text describes feature {name!r} as {info[:80]!r}") from error


def _read_positions(text: str, count: int) -> tuple[int, ...] | None:
    """Positions in the parameter `categorical_feature`, None where it names columns or is empty."""
    tokens = text.split(",") if text else []
    if not tokens or not all(token.isascii() and token.isdecimal() for token in tokens):
        return None
    positions = tuple(sorted({int(token) for token in tokens}))
    return positions if positions[-1] < count else None
