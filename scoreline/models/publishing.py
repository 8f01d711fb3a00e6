"""Publishing: a model becomes the next version, after everything that could go wrong with it has been tried."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scoreline.errors import ConfigError, DependencyError, ModelError, ModelRejected
from scoreline.features import Detail
from scoreline.models.baseline.encoding import encode_baseline
from scoreline.models.baseline.measuring import Measured, measure_baseline
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.formats.faults import named_faults
from scoreline.models.formats.known import KnownFormats
from scoreline.models.formats.model_format import Description, ModelFormat
from scoreline.models.frames import ColumnTypes
from scoreline.models.golden import Golden, encode_golden, to_matrix
from scoreline.models.golden_rows import find_expected, to_rows
from scoreline.models.manifest import BASELINE, BASELINE_ROWS, GOLDEN, MODEL, Manifest
from scoreline.models.model import Scores
from scoreline.models.names import check_alias, check_model_name, is_unicode
from scoreline.models.row_files import RowMapping
from scoreline.models.scoring_child import ScoringChild
from scoreline.models.store import ModelStore
from scoreline.models.tables import Table
from scoreline.models.verification import TIME_LIMIT_SECONDS, check_golden, probe_model

_TOLD = Detail(rows=10, problems=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is to be published, and what its publisher says about it.

    Attributes:
        text: the artifact; of LightGBM, as `Booster.save_model` wrote it: exactly the trees that the model's own
            `predict` uses.
        file_name: of the artifact, empty where there is no file; some formats are recognized by it.
        format: name of the artifact's format; recognized if None.
        statements: what is said of single features; the rest is found in the artifact.
        types: of the columns of rows like those of the training, where they are known.
        classes: names of the classes of a multi-class model, in the order of its scores; `0`, `1`, … if not said.
        golden: rows to keep as golden rows; synthetic ones if None, where the format can make some.
        baseline: rows of the training, kept as they are, and counted.
        time_column: that puts them in order; None where they have none.
        alias: to be moved to the new version.
        by: who publishes.
        training: facts to note beside those that the text tells.
    """

    name: str
    text: bytes
    by: str
    file_name: str = ""
    format: str | None = None
    statements: Sequence[FeatureStatement] = ()
    types: ColumnTypes = field(default_factory=ColumnTypes)
    classes: Sequence[str] | None = None
    golden: Sequence[RowMapping] | None = None
    baseline: Table | None = None
    time_column: str | None = None
    alias: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


def publish(
    store: ModelStore,
    publication: Publication,
    *,
    formats: KnownFormats | None = None,
    probe_limit_seconds: float = TIME_LIMIT_SECONDS,
) -> Manifest:
    """Publish the next version of a model, and move an alias to it if that was asked for.

    Nothing is written before a child process has loaded the model and scored its golden rows. The manifest is written
    last: a publisher that is killed leaves at most blobs that nothing names.

    Args:
        formats: that the artifact may be of; None for LightGBM's and those that installed packages register.

    Returns:
        The manifest as it was committed.

    Raises:
        ConfigError: what was said contradicts the model, or is not enough, or the baseline's rows cannot be used.
        ModelRejected: the file is no usable model.
        Unavailable, Refused: the store is away or refuses. Where only the alias could not be moved, the message names
            the version that was committed, and the command that moves the alias.
    """
    check_model_name(publication.name)
    if publication.alias is not None:
        check_alias(publication.alias)
    _check_texts(publication)
    model_format = _choose_format(formats or KnownFormats(), publication)
    with named_faults(model_format.runtime, "describe the model"):
        description = model_format.describe(
            publication.text, publication.statements, publication.classes, publication.types
        )
    golden = _make_golden(publication, model_format, description, probe_limit_seconds)
    blobs = {MODEL: publication.text, GOLDEN: encode_golden(golden)}
    facts: Mapping[str, Any] = {}
    if publication.baseline is not None:
        measured = _measure(publication.baseline, publication, model_format, description, probe_limit_seconds)
        blobs |= {BASELINE_ROWS: publication.baseline.content, BASELINE: encode_baseline(measured.baseline)}
        facts = measured.facts
    committed = store.add_version(
        Manifest(
            name=publication.name,
            version=1,
            created=store.now(),
            by=publication.by,
            format=model_format.name,
            blobs={role: store.add_blob(publication.name, data) for role, data in blobs.items()},
            output=description.output,
            objective=description.objective,
            classes=description.classes,
            features=description.features.features,
            training={**description.training, "published_with": model_format.runtime, **publication.training, **facts},
            metrics=publication.metrics,
            tags=publication.tags,
        )
    )
    if publication.alias is not None:
        _move_alias(store, committed, publication.alias)
    return committed


def _move_alias(store: ModelStore, committed: Manifest, alias: str) -> None:
    """What fails here has to say what is done already: who only learns of a failure publishes again."""
    name, version = committed.name, committed.version
    try:
        store.set_alias(name, alias, version, by=committed.by)
    except (DependencyError, ModelError) as error:
        raise type(error)(
            f"version {version} of {name} is published, but {alias} may not mean it: {error}; do not publish it again, "
            f"make {alias} mean it: scoreline models alias {name} {alias} {version}"
        ) from error


def _check_texts(publication: Publication) -> None:
    """Refuse what an argument of a command can hold, but a manifest cannot."""
    tags = (text for tag in publication.tags.items() for text in tag)
    said = (*(publication.classes or ()), *tags, *publication.metrics, *_texts(publication.training), publication.by)
    bad = [text for text in said if not is_unicode(text)]
    if bad:
        raise ConfigError(*(f"{text!r} is no Unicode text, so it cannot be published" for text in bad))


def _choose_format(formats: KnownFormats, publication: Publication) -> ModelFormat:
    if publication.format is None:
        return formats.recognize(publication.text, publication.file_name)
    try:
        return formats.find(publication.format)
    except ModelRejected as error:
        raise ConfigError(str(error)) from error  # nothing is known against the file: the argument is at fault


def _texts(facts: Mapping[str, Any]) -> Iterator[str]:
    for fact in facts.values():
        yield from (text for text in (fact if isinstance(fact, list) else [fact]) if isinstance(text, str))


def _measure(
    table: Table,
    publication: Publication,
    model_format: ModelFormat,
    description: Description,
    probe_limit_seconds: float,
) -> Measured:
    features, classes = description.features, description.classes
    given = model_format, publication.text, features, classes
    with ScoringChild(*given, time_limit_seconds=probe_limit_seconds) as child:
        measured = measure_baseline(table, publication.time_column, features, classes, child.score)
        child.finish()
    return measured


def _make_golden(
    publication: Publication, model_format: ModelFormat, description: Description, probe_limit_seconds: float
) -> Golden:
    given, features, classes = publication.golden, description.features, description.classes
    rows = description.synthetic_rows if given is None else to_rows(features, given)
    if rows is None:
        raise ConfigError(
            f"rows to check a model of the format {model_format.name!r} with cannot be made up: give some with --golden"
        )
    matrix = to_matrix(features, rows)
    problems = features.settle(matrix, _TOLD).problems
    if problems:
        raise ConfigError(*(f"golden row {problem.row}: {problem.detail}" for problem in problems[: _TOLD.rows]))
    limit = probe_limit_seconds
    scores = probe_model(model_format, publication.text, features, classes, matrix, time_limit_seconds=limit)
    if not np.isfinite(scores).all():
        raise ModelRejected("the model gives scores that are no finite numbers, so nothing could be answered with them")
    golden = Golden(rows, scores, synthetic=given is None)
    outputs = 1 if classes is None else len(classes)
    expected: Scores | None = find_expected(features, given or (), outputs=outputs)
    if expected is not None:
        check_golden(Golden(rows, expected, synthetic=False), scores)
    return golden
