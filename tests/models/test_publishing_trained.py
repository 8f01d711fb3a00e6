"""`scoreline.publish` as it is called where people train: in a process with pandas and scikit-learn, of its own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from scoreline.features import Kind
from scoreline.models.store import ModelStore

pytestmark = pytest.mark.slow

FRAME = """
import json, sys, warnings
import scoreline
import lightgbm as lgb
import numpy as np
import pandas as pd
warnings.simplefilter("ignore", lgb.basic.LGBMDeprecationWarning)
random = np.random.default_rng(5)
n = 300
places, sizes = ["Zürich, HB", 'a"b', "東京"], [9, 3, 5]
frame = pd.DataFrame({
    "dep delay": random.normal(size=n),
    "place": pd.Categorical(random.choice(places, n), categories=places),
    "flag": random.random(n) > 0.5,
    "size": pd.Categorical(random.choice(sizes, n), categories=sizes, ordered=True),
    "count": random.integers(0, 2**60, n),
})
score = frame["dep delay"] + (frame["place"] == places[1]) + frame["flag"] + frame["size"].cat.codes
small = dict(n_estimators=40, num_leaves=5, min_child_samples=5, verbose=-1, n_jobs=1)
"""


def run_where_people_train(folder: Path, script: str) -> dict:
    """What the script prints last, as JSON."""
    text = FRAME + textwrap.dedent(script)
    child = subprocess.run([sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


def test_a_process_that_publishes_imports_no_kafka_no_http_and_keeps_its_lightgbm(tmp_path):
    """The store is the settings' where none is given."""
    script = """
    import sys, json
    import scoreline
    light = sorted(name for name in sys.modules if name.startswith("scoreline."))
    version = scoreline.publish("model.txt", "tiny", golden=[{"x": 1.5}])
    names = {"confluent_kafka", "aiohttp", "uvloop", "pandas", "sklearn", "pyarrow", "lightgbm", "scoreline.http"}
    heavy = sorted(names & set(sys.modules))
    import lightgbm
    lightgbm.LGBMRegressor()
    print(json.dumps({"light": light, "version": version, "heavy": heavy}))
    """
    training = """
    import lightgbm as lgb, numpy as np
    x = np.arange(100.0).reshape(-1, 1)
    lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(x, x[:, 0], feature_name=["x"]), 2).save_model("model.txt")
    """
    for text in (training, script):
        child = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(text)], cwd=tmp_path, capture_output=True, text=True, check=True
        )
    assert json.loads(child.stdout.splitlines()[-1]) == {"light": [], "version": 1, "heavy": []}
    assert ModelStore(str(tmp_path / "model_store")).versions("tiny") == (1,)


def test_a_classifier_brings_its_classes_and_its_best_trees_and_the_baseline_its_types(tmp_path):
    told = run_where_people_train(
        tmp_path,
        """
        target = np.where(score > 2, "spät", np.where(score > 0.5, "ok", "früh"))
        model = lgb.LGBMClassifier(**small, learning_rate=0.5)
        model.fit(frame, target, eval_set=[(frame[:90], np.roll(target[:90], 3))], callbacks=[lgb.early_stopping(3)])
        dated = frame.assign(seen_at=pd.Timestamp("2026-01-02"))
        dated.loc[1, "size"] = None
        version = scoreline.publish(
            model, "trains", store="store", alias="production", baseline=dated, time="seen_at", golden=frame[:20],
            metrics={"accuracy": np.float64(0.9)}, tags={"run": "42"},
        )
        print(json.dumps({"version": version, "best": model.best_iteration_}))
        """,
    )
    store = ModelStore(str(tmp_path / "store"))
    manifest = store.manifest("trains", told["version"])
    assert store.alias("trains", "production").only == 1
    assert manifest.classes == ("früh", "ok", "spät")
    assert manifest.training["iterations"] == told["best"] < 40
    assert manifest.training["baseline_time_column"] == "seen_at"
    features = {f.name: f for f in manifest.features}
    assert list(features) == ["dep_delay", "place", "flag", "size", "count"]
    assert features["place"].levels == ("Zürich, HB", 'a"b', "東京")
    assert features["size"].levels == (9, 3, 5)
    assert features["flag"].kind is Kind.BOOLEAN
    assert (manifest.metrics, manifest.tags) == ({"accuracy": 0.9}, {"run": "42"})
    rows = [json.loads(line) for line in store.read_blob("trains", manifest.blobs["baseline_rows"]).splitlines()]
    assert rows[0]["seen_at"] == "2026-01-02T00:00:00"
    assert rows[0]["place"] in features["place"].levels
    assert {type(row["size"]) for row in rows} == {int, type(None)}


def test_of_a_binary_classifier_the_classes_are_noted_and_no_labels_served(tmp_path):
    """A prediction of one score has no label; which class the probability is of would be forgotten otherwise."""
    run_where_people_train(
        tmp_path,
        """
        model = lgb.LGBMClassifier(**small).fit(frame[["count"]], np.where(score > 1, "late", "in time"))
        print(scoreline.publish(model, "binary", store="store"))
        model = lgb.LGBMClassifier(**small).fit(frame[["count"]], np.digitize(score, [0, 1, 2]) * 10)
        print(scoreline.publish(model, "numbers", store="store"))
        """,
    )
    binary = ModelStore(str(tmp_path / "store")).manifest("binary", 1)
    assert (binary.classes, binary.training["classes"]) == (None, ["in time", "late"])
    assert ModelStore(str(tmp_path / "store")).manifest("numbers", 1).classes == ("0", "10", "20", "30")


def test_what_cannot_be_served_is_refused_with_the_way_out(tmp_path):
    told = run_where_people_train(
        tmp_path,
        """
        import pickle
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        numbers = frame[["count"]]
        fitted = lgb.LGBMRegressor(**small).fit(numbers, score)
        pickle.dump(fitted, open("model.pkl", "wb"))
        dates = pd.DataFrame({"day": pd.Categorical(pd.to_datetime(["2026-01-02", "2026-01-03"] * 150))})
        by_date = lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(dates, score), 2, keep_training_booster=True)
        offered = {
            "unfitted": lgb.LGBMRegressor(),
            "pipeline": make_pipeline(StandardScaler(), fitted),
            "several": lgb.cv({"verbose": -1, "num_threads": 1}, lgb.Dataset(numbers, score), 2, stratified=False,
                              return_cvbooster=True)["cvbooster"],
            "early": lgb.LGBMRegressor(**small, pred_early_stop=True).fit(numbers, score),
            "dates": by_date,
            "pickle": "model.pkl",
        }
        said = {}
        for name, model in offered.items():
            try:
                scoreline.publish(model, "refused", store="store")
            except scoreline.errors.ServiceError as error:
                said[name] = str(error)
        print(json.dumps(said))
        """,
    )
    assert "is not fitted: call fit first" in told["unfitted"]
    assert "publish the LightGBM model of its last step" in told["pipeline"]
    assert "publish one of its boosters" in told["several"]
    assert "set_params(pred_early_stop=False)" in told["early"]
    assert "have to be turned into texts before the training" in told["dates"]
    assert "a pickle" in told["pickle"]
    assert not (tmp_path / "store").exists()
