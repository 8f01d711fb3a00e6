"""Publishing: a model's text becomes the next version, after everything that could go wrong with it has been tried."""

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scoreline.errors import ConfigError, ModelRejected
from scoreline.features import FeatureSet
from scoreline.models.feature_rules import FeatureStatement, find_features
from scoreline.models.frames import ColumnTypes
from scoreline.models.golden import Golden, Row, encode_golden, make_rows, to_matrix
from scoreline.models.golden_rows import find_expected, to_rows
from scoreline.models.inspection import ModelFacts, inspect_model
from scoreline.models.manifest import BASELINE_ROWS, FORMAT, GOLDEN, MODEL, Manifest
from scoreline.models.model import Scores
from scoreline.models.names import check_alias, check_model_name, is_unicode
from scoreline.models.row_files import RowMapping
from scoreline.models.store import ModelStore
from scoreline.models.verification import TIME_LIMIT_SECONDS, check_golden, probe_model

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is to be published, and what its publisher says about it.

    Attributes:
        text: as `Booster.save_model` wrote it: exactly the trees that the model's own `predict` uses.
        statements: what is said of single features; the rest is found in the text.
        types: of the columns of rows like those of the training, where they are known.
        classes: names of the classes of a multi-class model, in the order of its scores; `0`, `1`, … if not said.
        golden: rows to keep as golden rows; synthetic ones if None.
        baseline_rows: a file of rows, kept as it is.
        alias: to be moved to the new version.
        by: who publishes.
        training: facts to note beside those that the text tells.
    """

    name: str
    text: bytes
    by: str
    statements: Sequence[FeatureStatement] = ()
    types: ColumnTypes = field(default_factory=ColumnTypes)
    classes: Sequence[str] | None = None
    golden: Sequence[RowMapping] | None = None
    baseline_rows: bytes | None = None
    alias: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


def publish(
    store: ModelStore, publication: Publication, *, probe_limit_seconds: float = TIME_LIMIT_SECONDS
) -> Manifest:
    """Publish the next version of a model, and move an alias to it if that was asked for.

    Nothing is written before a child process has loaded the model and scored its golden rows. The manifest is written
    last: a publisher that is killed leaves at most blobs that nothing names.

    Returns:
        The manifest as it was committed.

    Raises:
        ConfigError: what was said contradicts the model, or is not enough.
        ModelRejected: the file is no usable model.
        Unavailable, Refused: the store is away or refuses.
    """
    check_model_name(publication.name)
    if publication.alias is not None:
        check_alias(publication.alias)
    _check_texts(publication)
    _refuse_foreign(publication.text)
    facts = inspect_model(publication.text)
    features = find_features(facts, publication.statements, publication.types)
    classes = _find_classes(facts, publication.classes)
    golden = _make_golden(publication, facts, features, classes, probe_limit_seconds)
    blobs = {MODEL: publication.text, GOLDEN: encode_golden(golden)}
    if publication.baseline_rows is not None:
        blobs[BASELINE_ROWS] = publication.baseline_rows
    committed = store.add_version(
        Manifest(
            name=publication.name,
            version=1,
            created=store.now(),
            by=publication.by,
            format=FORMAT,
            blobs={role: store.add_blob(publication.name, data) for role, data in blobs.items()},
            output=facts.output,
            objective=facts.objective,
            classes=classes,
            features=features.features,
            training={**_training_facts(facts), **publication.training},
            metrics=publication.metrics,
            tags=publication.tags,
        )
    )
    if publication.alias is not None:
        store.set_alias(publication.name, publication.alias, committed.version, by=publication.by)
    return committed


def _check_texts(publication: Publication) -> None:
    """Refuse what an argument of a command can hold, but a manifest cannot."""
    tags = (text for tag in publication.tags.items() for text in tag)
    said = (*(publication.classes or ()), *tags, *publication.metrics, *_texts(publication.training), publication.by)
    bad = [text for text in said if not is_unicode(text)]
    if bad:
        raise ConfigError(*(f"{text!r} is no Unicode text, so it cannot be published" for text in bad))


def _texts(facts: Mapping[str, Any]) -> Iterator[str]:
    for fact in facts.values():
        yield from (text for text in (fact if isinstance(fact, list) else [fact]) if isinstance(text, str))


def _refuse_foreign(text: bytes) -> None:
    for start, what in _FOREIGN_STARTS.items():
        if text.startswith(start):
            raise ModelRejected(f"this is {what}; {_WAY_OUT}")


def _find_classes(facts: ModelFacts, said: Sequence[str] | None) -> tuple[str, ...] | None:
    if facts.outputs == 1:
        if said is not None:
            raise ConfigError(f"--classes is for multi-class models; this one gives one score a row ({facts.output})")
        return None
    if said is None:
        return tuple(map(str, range(facts.outputs)))
    if len(said) != facts.outputs or len(set(said)) != len(said) or not all(said):
        raise ConfigError(f"the model has {facts.outputs} classes, so --classes needs as many names, all different")
    return tuple(said)


def _make_golden(
    publication: Publication,
    facts: ModelFacts,
    features: FeatureSet,
    classes: tuple[str, ...] | None,
    probe_limit_seconds: float,
) -> Golden:
    given = publication.golden
    rows: Sequence[Row] = make_rows(facts, features) if given is None else to_rows(features, given)
    matrix = to_matrix(features, rows)
    problems = features.settle(matrix).problems
    if problems:
        raise ConfigError(*(f"golden row {problem.row}: {problem.detail}" for problem in problems[:10]))
    scores = probe_model(publication.text, features, classes, matrix, time_limit_seconds=probe_limit_seconds)
    if not np.isfinite(scores).all():
        raise ModelRejected("the model gives scores that are no finite numbers, so nothing could be answered with them")
    golden = Golden(rows, scores, synthetic=given is None)
    expected: Scores | None = find_expected(features, given or (), outputs=facts.outputs)
    if expected is not None:
        check_golden(Golden(rows, expected, synthetic=False), scores)
    return golden


def _training_facts(facts: ModelFacts) -> Mapping[str, Any]:
    return {
        "text_format": facts.format_version,
        "boosting": facts.boosting,
        "trees": facts.trees,
        "iterations": facts.trees // facts.outputs,
        "linear_trees": facts.linear,
        "use_missing": facts.use_missing,
        "zero_as_missing": facts.zero_as_missing,
        "published_with": f"lightgbm {importlib.metadata.version('lightgbm')}",
    }
