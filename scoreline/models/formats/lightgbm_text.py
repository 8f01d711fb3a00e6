"""LightGBM's text format, as `Booster.save_model` writes it: the format that is built in."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any

from scoreline.errors import ModelRejected
from scoreline.features import FeatureSet
from scoreline.models.feature_rules import FeatureStatement, check_features, find_features
from scoreline.models.formats.declared import name_classes
from scoreline.models.formats.model_format import Description
from scoreline.models.frames import ColumnTypes
from scoreline.models.golden import make_rows
from scoreline.models.inspection import ModelFacts, inspect_model
from scoreline.models.model import Model
from scoreline.models.model_text import is_model_text

_FOREIGN_STARTS = {
    b"\x80": "a pickle, which can run anything while it is loaded and is never opened here",
    b"PK": "a zip archive",
    b"\x1f\x8b": "a gzip file",
    b"\x78": "a compressed file, as joblib writes them",
    b"BZh": "a compressed file, as joblib writes them",
    b"\xfd7zXZ": "a compressed file, as joblib writes them",
    b"{": "JSON (dump_model cannot be loaded again)",
}
_WAY_OUT = "save the model as text: booster.save_model('model.txt'), or model.booster_.save_model('model.txt')"


class LightGBMFormat:
    """LightGBM's text; implements `scoreline.models.formats.ModelFormat`."""

    name = "lightgbm"
    probe_bytes = 4 * 2**30

    @property
    def runtime(self) -> str:
        """LightGBM with its version."""
        return f"lightgbm {importlib.metadata.version('lightgbm')}"

    def recognizes(self, artifact: bytes, file_name: str) -> bool:  # noqa: ARG002  the text tells
        """Whether it begins as every model text does."""
        return is_model_text(artifact)

    def describe(
        self,
        artifact: bytes,
        statements: Sequence[FeatureStatement],
        classes: Sequence[str] | None,
        types: ColumnTypes,
    ) -> Description:
        """What the text tells; see `ModelFormat.describe`."""
        foreign = describe_foreign(artifact)
        if foreign is not None:
            raise ModelRejected(foreign)
        facts = inspect_model(artifact)
        features = find_features(facts, statements, types)
        return Description(
            features=features,
            output=facts.output,
            classes=name_classes(facts.outputs, classes),
            objective=facts.objective,
            training=_training_facts(facts),
            synthetic_rows=make_rows(facts, features),
        )

    def check(self, artifact: bytes, features: FeatureSet) -> None:
        """Check the text's structure, since LightGBM's parser trusts its input, and hold the features against it."""
        check_features(inspect_model(artifact), features)

    def load(self, artifact: bytes, features: FeatureSet, classes: tuple[str, ...] | None) -> Model:
        """A booster behind the `Model` interface; see `ModelFormat.load`."""
        try:
            from scoreline.models.booster import LightGBMModel
        except OSError as error:  # a library that LightGBM's own is linked to
            raise ImportError(str(error)) from error
        return LightGBMModel(artifact.decode(), features, classes)


def describe_foreign(artifact: bytes) -> str | None:
    """What people take for a saved model, and the way out; None where this looks like none of it."""
    for start, what in _FOREIGN_STARTS.items():
        if artifact.startswith(start):
            return f"this is {what}; {_WAY_OUT}"
    return None


def _training_facts(facts: ModelFacts) -> Mapping[str, Any]:
    return {
        "text_format": facts.format_version,
        "boosting": facts.boosting,
        "trees": facts.trees,
        "iterations": facts.trees // facts.outputs,
        "linear_trees": facts.linear,
        "use_missing": facts.use_missing,
        "zero_as_missing": facts.zero_as_missing,
    }
