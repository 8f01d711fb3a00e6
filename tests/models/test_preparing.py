from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoreline.errors import ConfigError, ModelRejected
from scoreline.features import Kind
from scoreline.models import publishing
from scoreline.models.booster import LightGBMModel
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.preparing import prepare_publication
from scoreline.models.publishing import publish
from scoreline.models.store import ModelStore
from tests.models.builders import CLASSES, InProcess, score_in_process, train, train_with_lists
from tests.models.mlflow_folders import write_mlflow_folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch) -> ModelStore:
    monkeypatch.setattr(publishing, "probe_model", score_in_process)
    monkeypatch.setattr(publishing, "ScoringChild", InProcess)
    return ModelStore(str(tmp_path / "store"))


def prepare(model, **given):
    return prepare_publication(model, "tiny", by="ann", **given)


def test_a_booster_is_taken_as_its_text():
    assert prepare(train("binary").booster).text == train("binary").text


@pytest.mark.parametrize("best", [-1, 0, 2])
def test_stored_are_exactly_the_trees_that_predict_uses(store, best):
    """After early stopping a booster still has the trees behind its best iteration."""
    trained = train("regression")
    booster = type(trained.booster)(model_str=trained.text.decode())
    booster.best_iteration = best
    publish(store, prepare(booster))
    manifest = store.manifest("tiny", 1)
    assert manifest.training["iterations"] == (best if best > 0 else 4)
    text = store.read_blob("tiny", manifest.blobs["model"]).decode()
    served = LightGBMModel(text, manifest.feature_set).predict(trained.matrix)
    assert served.tobytes() == booster.predict(trained.matrix, num_threads=1).tobytes()


def test_an_mlflow_folder_is_taken_with_what_its_signature_tells(store, tmp_path):
    inputs = [{"type": "long", "name": "y"}, {"type": "boolean", "name": "constant"}]
    publish(store, prepare(write_mlflow_folder(tmp_path / "model", train("binary").text, inputs=inputs)))
    kinds = [feature.kind for feature in store.manifest("tiny", 1).features]
    assert kinds == [Kind.NUMERIC, Kind.INTEGER, Kind.CATEGORICAL, Kind.BOOLEAN]


def test_what_is_said_of_features_may_be_mappings_statements_or_a_file(tmp_path):
    (tmp_path / "features.json").write_text('[{"name": "x", "nullable": true}]')
    expected = (FeatureStatement("x", nullable=True),)
    for said in (tmp_path / "features.json", [{"name": "x", "nullable": True}], list(expected)):
        assert prepare(train("binary").booster, features=said).statements == expected


def test_levels_may_be_an_array():
    said = [{"name": "category", "levels": np.array([3, 5])}, {"name": "x", "levels": None}]
    category, x = prepare(train("binary").booster, features=said).statements
    assert (category.levels, x.levels) == ((3, 5), None)


@pytest.mark.parametrize(
    "said", [3, {"name": "x"}, [3], [{"nam": "x"}], [{"name": "x", "levels": 3}], [{"name": "x", "kind": "float"}]]
)
def test_what_says_nothing_of_features_is_refused(said):
    with pytest.raises(ConfigError, match="features"):
        prepare(train("binary").booster, features=said)


def test_golden_rows_may_be_an_array_in_the_models_order(store):
    rows = np.array([[1.5, np.nan, 3, 0], [0.25, 1, 0, 0]])
    publish(store, prepare(train("regression").booster, golden=rows))
    assert b'synthetic":false' in store.read_blob("tiny", store.manifest("tiny", 1).blobs["golden"])


def test_an_infinite_golden_value_is_refused(store):
    with pytest.raises(ConfigError, match="golden row 0: feature 'x' has to be a finite number, but is inf"):
        publish(store, prepare(train("regression").booster, golden=np.array([[np.inf, 1, 3, 0]])))


def test_a_timestamp_in_a_golden_row_is_refused(store):
    row = {"x": np.datetime64("2026-01-02"), "y": 1, "category": 3, "constant": 0}
    with pytest.raises(ConfigError, match="golden row 0: feature 'x' has to be a number, but is '2026-01-02'"):
        publish(store, prepare(train("regression").booster, golden=[row]))


def test_the_time_column_has_to_be_in_the_baseline(store):
    booster, rows = train("binary").booster, [{"x": 1, "y": 2, "category": 1, "constant": 0, "seen_at": "2026-01-02"}]
    publish(store, prepare(booster, baseline=rows, time="seen_at"))
    training = store.manifest("tiny", 1).training
    assert (training["baseline_format"], training["baseline_time_column"]) == ("jsonl", "seen_at")
    with pytest.raises(
        ConfigError,
        match=r"baseline has no column 'day' for the time; its columns are x, y, .*, seen_at",
    ):
        prepare(booster, baseline=rows, time="day")
    with pytest.raises(ConfigError, match="but there is no baseline"):
        prepare(booster, time="day")


def test_metrics_are_finite_numbers_and_tags_texts(store):
    booster = train("binary").booster
    publish(store, prepare(booster, metrics={"auc": np.float32(0.5), "rows": 3}, tags={"run": "42"}))
    assert store.manifest("tiny", 1).metrics == {"auc": 0.5, "rows": 3.0}
    for metrics in ({"auc": "0.5"}, {"auc": float("inf")}, {"auc": True}, {"": 1}, {3: 1}, {"auc": None}):
        with pytest.raises(ConfigError, match="should be a name with a finite number"):
            prepare(booster, metrics=metrics)
    for tags in ({"run": 42}, {"": "a"}, {42: "run"}):
        with pytest.raises(ConfigError, match="should be a text with a text"):
            prepare(booster, tags=tags)


def test_metric_names_and_noted_facts_have_to_be_unicode(store):
    publication = prepare(train("binary").booster)
    for changes in ({"metrics": {"\udcff": 1.0}}, {"training": {"classes": ["a", "\udcff"]}}):
        with pytest.raises(ConfigError, match="is no Unicode text"):
            publish(store, replace(publication, **changes))


def test_class_names_may_be_numbers():
    assert prepare(train("multiclass").booster, classes=np.array([1, 2, 3])).classes == ["1", "2", "3"]
    assert prepare(train("multiclass").booster, classes=CLASSES).classes == list(CLASSES)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (object(), "should be a lightgbm.Booster, .* but is a builtins.object"),
        (b"tree\n", "write it to a file first"),
        (None, "but is a builtins.NoneType"),
    ],
)
def test_what_is_no_model_is_refused_with_what_is_one(model, message):
    with pytest.raises(ConfigError, match=message):
        prepare(model)


def test_several_boosters_and_pipelines_are_refused_with_the_way_out():
    class Several:
        boosters = ()

    class Pipeline:
        steps = ()

    with pytest.raises(ConfigError, match="publish one of its boosters"):
        prepare(Several())
    with pytest.raises(ConfigError, match="publish the LightGBM model of its last step"):
        prepare(Pipeline())


@pytest.mark.parametrize("start", [b"\x80\x04\x95", b"\x78\x9c", b"BZh9", b"\xfd7zXZ\x00"])
def test_pickles_are_refused_with_the_way_out_however_they_are_packed(store, tmp_path, start):
    (tmp_path / "model.joblib").write_bytes(start + b"...")
    with pytest.raises(ModelRejected, match=r"save the model as text: booster\.save_model"):
        publish(store, prepare(tmp_path / "model.joblib", golden=[{"x": 1}]))


def test_level_lists_without_names_are_assigned_by_the_categories_of_the_baseline(store):
    """An ordered category has a list too, but LightGBM takes its codes as numbers: the text does not tell whose."""
    pa = pytest.importorskip("pyarrow")
    random = np.random.default_rng(0)
    sizes, places = random.integers(0, 2, 200), random.integers(0, 3, 200)
    matrix = np.column_stack([sizes, places]).astype(float)
    lists = [["s", "m"], ["a", "b", "é, f"]]
    booster = train_with_lists(matrix, sizes + (places == 1), ["size", "place"], ["place"], lists)
    with pytest.raises(ConfigError, match="2 level lists without names for 1 categorical features"):
        publish(store, prepare(booster))

    def frame(levels_of_place):
        columns = {"size": (sizes, lists[0]), "place": (places, levels_of_place)}
        return pa.table({k: pa.DictionaryArray.from_arrays(codes, levels) for k, (codes, levels) in columns.items()})

    publish(store, prepare(booster, baseline=frame(lists[1])))
    assert [f.levels for f in store.manifest("tiny", 1).features] == [("s", "m"), ("a", "b", "é, f")]
    with pytest.raises(ConfigError, match="2 level lists without names"):
        publish(store, prepare(booster, baseline=frame(["b", "a", "é, f"])))
