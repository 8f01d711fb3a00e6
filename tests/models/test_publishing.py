import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoreline.errors import ConfigError, ModelRejected, Refused, Unavailable
from scoreline.models import publishing
from scoreline.models.baseline.loading import load_baseline
from scoreline.models.cache import ModelCache
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.golden import decode_golden
from scoreline.models.loading import VersionLoader
from scoreline.models.publishing import Publication, publish
from scoreline.models.row_files import RowFormat, find_columns
from scoreline.models.store import ModelStore
from scoreline.models.tables import Table
from tests.models.builders import (
    CLASSES,
    SHAPES,
    InProcess,
    score_in_process,
    score_with_lightgbm,
    statements_for,
    train,
    trusting_cache,
)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(str(tmp_path / "store"))


@pytest.fixture
def in_process(monkeypatch):
    """Score in this process, where the model is known to be sound: a child takes a third of a second."""
    monkeypatch.setattr(publishing, "probe_model", score_in_process)
    monkeypatch.setattr(publishing, "ScoringChild", InProcess)


def offer(shape: str, **changes) -> Publication:
    trained = train(shape)
    publication = Publication(
        name="tiny", text=trained.text, by="ann", statements=statements_for(trained), classes=trained.classes
    )
    return replace(publication, **changes)


@pytest.mark.slow
def test_a_published_version_serves_what_booster_predict_returns(store, tmp_path):
    """The whole way, with child processes: publish, load, score."""
    trained = train("binary")
    manifest = publish(store, offer("binary", alias="production", tags={"run": "42"}))
    assert (manifest.version, manifest.by, manifest.tags) == (1, "ann", {"run": "42"})
    assert store.alias("tiny", "production").only == 1
    version = VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 1)
    assert version.model.predict(trained.matrix).tobytes() == score_with_lightgbm(trained, trained.matrix).tobytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_models_of_every_shape_can_be_published_and_loaded(store, tmp_path, in_process, shape):
    trained = train(shape)
    manifest = publish(store, offer(shape))
    version = VersionLoader(store, trusting_cache(tmp_path / "cache", manifest)).load("tiny", 1)
    assert version.model.classes == trained.classes
    assert version.model.predict(trained.matrix).tobytes() == score_with_lightgbm(trained, trained.matrix).tobytes()


def test_nothing_is_written_when_the_model_is_refused(store):
    trained = train("binary")
    for text in (b"", trained.text[:500], pickle.dumps(trained.booster)):
        with pytest.raises(ModelRejected):
            publish(store, offer("binary", text=text))
    assert not Path(store.url).exists()


@pytest.mark.parametrize(
    ("start", "what"),
    [(b"\x80\x04\x95", "a pickle"), (b"PK\x03\x04", "zip"), (b"\x1f\x8b", "gzip"), (b'{"name"', "JSON")],
)
def test_what_is_no_text_is_refused_with_the_way_out(store, start, what):
    with pytest.raises(ModelRejected, match=rf"{what}.*save_model\('model.txt'\)"):
        publish(store, offer("binary", text=start + b"..."))


def test_class_names_have_to_fit_the_model(store):
    for classes in (["a", "b"], ["a", "b", "b"], ["a", "b", ""]):
        with pytest.raises(ConfigError, match="has 3 classes"):
            publish(store, offer("multiclass", classes=classes))
    with pytest.raises(ConfigError, match="for multi-class models"):
        publish(store, offer("binary", classes=["no", "yes"]))


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"classes": ["a", "b", "c\udcff"]}, r"'c\\udcff'"),
        ({"tags": {"run": "\udcff"}}, r"'\\udcff'"),
        ({"tags": {"\udcff": "42"}}, r"'\\udcff'"),
        ({"by": "ann\udcff"}, r"'ann\\udcff'"),
    ],
)
def test_what_is_no_unicode_is_refused(store, changes, shown):
    """An argument in another encoding than the terminal's comes with lone surrogates."""
    with pytest.raises(ConfigError, match=f"{shown} is no Unicode text"):
        publish(store, offer("multiclass", **changes))
    assert not Path(store.url).exists()


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        (b'"plain"', b'"\\ud800"', r"'\\ud800'"),
        (b"[3, 5, 9]", b"[3, 5, NaN]", "nan"),
        (b"[3, 5, 9]", b"[3, 5, Infinity]", "inf"),
    ],
)
def test_a_level_that_a_manifest_cannot_hold_is_refused(store, old, new, shown):
    text = train("pandas").text
    assert text.count(old) == 1
    with pytest.raises(ConfigError, match=f"level list of feature .* has {shown}, which JSON cannot hold"):
        publish(store, offer("pandas", text=text.replace(old, new)))
    assert not Path(store.url).exists()


def test_without_class_names_classes_are_numbered(store, in_process):
    assert publish(store, offer("multiclass", classes=None)).classes == ("0", "1", "2")
    assert publish(store, offer("multiclass")).classes == CLASSES


def test_names_are_checked_before_anything_else(store):
    with pytest.raises(ConfigError, match="cannot name a model"):
        publish(store, offer("binary", name="Not A Name", text=b""))
    with pytest.raises(ConfigError, match="cannot be an alias"):
        publish(store, offer("binary", alias="latest", text=b""))


def golden_of(store, manifest):
    data = store.read_blob("tiny", manifest.blobs["golden"])
    return decode_golden(data, features=len(manifest.features), outputs=1, classes=False)


def test_given_golden_rows_are_kept_with_the_models_own_scores(store, in_process):
    trained = train("regression")
    rows = [{"x": "1.5", "y": None, "category": "3", "constant": "0"}]
    golden = golden_of(store, publish(store, offer("regression", golden=rows)))
    assert golden.rows == [[1.5, None, 3.0, 0.0]]
    assert not golden.synthetic
    expected = score_with_lightgbm(trained, [[1.5, float("nan"), 3, 0]])
    assert golden.scores.tobytes() == expected.tobytes()


def test_golden_rows_whose_scores_the_model_does_not_give_are_rejected(store, in_process):
    rows = [{"x": 1.5, "y": 1, "category": 3, "constant": 0, "prediction": 1e6}]
    with pytest.raises(ModelRejected, match=r"golden row 0 should give 1000000\.0, but gives"):
        publish(store, offer("regression", golden=rows))


def test_golden_rows_that_may_not_be_scored_are_refused(store):
    rows = [{"x": None, "y": 1, "category": 1.5, "constant": float("inf")}]
    with pytest.raises(ConfigError) as caught:
        publish(store, offer("regression", golden=rows))
    assert len(caught.value.problems) == 3


BASELINE_CSV = b"""x,y,category,constant,seen_at
0.5,1,3,0,2026-01-03
-1,,0,0,2026-01-01
inf,2,1,0,2026-01-04
1.5,0.25,2,0,2026-01-02
"""


def table(content: bytes, what: str = "rows.csv") -> Table:
    return Table(what, content, RowFormat.CSV, find_columns(content, RowFormat.CSV, what=what))


def test_baseline_rows_are_kept_as_they_are_and_counted(store, in_process, tmp_path):
    manifest = publish(store, offer("binary", baseline=table(BASELINE_CSV), time_column="seen_at"))
    assert store.read_blob("tiny", manifest.blobs["baseline_rows"]) == BASELINE_CSV
    baseline = load_baseline(store, manifest, ModelCache(tmp_path / "cache"))
    assert baseline is not None
    assert baseline.blocks is not None
    assert (baseline.total.rows, len(baseline.blocks)) == (3, 3)
    scores = score_with_lightgbm(train("binary"), [[-1, np.nan, 0, 0], [1.5, 0.25, 2, 0], [0.5, 1, 3, 0]])
    assert [block.sums[-1] for block in baseline.blocks] == scores.tolist()
    facts = {key: fact for key, fact in manifest.training.items() if key.startswith("baseline")}
    assert facts == {
        "baseline_rows": 3,
        "baseline_blocks": 3,
        "baseline_left_out": 1,
        "baseline_left_out_because": "row 2: feature 'x' has to be a finite number, but is inf",
    }


def test_nothing_is_written_where_the_baseline_cannot_be_used(store, in_process):
    with pytest.raises(ConfigError, match=r"rows.csv has no column for y, category, constant"):
        publish(store, offer("binary", baseline=table(b"x\n1\n")))
    assert not Path(store.url).exists()


def test_a_version_without_a_baseline_has_none(store, in_process, tmp_path):
    assert load_baseline(store, publish(store, offer("binary")), ModelCache(tmp_path / "cache")) is None


def test_what_is_said_of_features_is_in_the_manifest(store, in_process):
    statement = FeatureStatement("y", field="deep.y", nullable=False)
    manifest = publish(store, offer("binary", statements=[statement]))
    assert (manifest.features[1].field, manifest.features[1].nullable) == ("deep.y", False)


def test_the_same_model_published_twice_shares_its_blobs(store, in_process):
    first, second = publish(store, offer("binary")), publish(store, offer("binary"))
    assert (first.version, second.version) == (1, 2)
    assert first.blobs == second.blobs


@pytest.mark.parametrize("error", [Unavailable("gone"), Refused("may not"), ModelRejected("damaged")])
def test_an_alias_that_cannot_be_moved_names_what_is_published_and_how_to_go_on(store, in_process, monkeypatch, error):
    """Who only learns of a failure publishes again."""

    def fail(*_, **__):
        raise error

    publish(store, offer("binary"))
    monkeypatch.setattr(store, "set_alias", fail)
    with pytest.raises(type(error), match=rf"version 2 of tiny is published.*{error}") as caught:
        publish(store, offer("binary", alias="production"))
    assert str(caught.value).endswith("scoreline models alias tiny production 2")
    assert store.versions("tiny") == (1, 2)
