"""`scoreline run --role http` as a process: a store that goes away or is unmounted, and versions compiled meanwhile."""

import json

import numpy as np
import pytest

from scoreline.models.store import ModelStore
from scoreline.testing.s3_server import Fault
from tests.integration.calls import await_models, get, post, read_metric
from tests.models.builders import put_version, score_with_lightgbm, train, trusting_cache

pytestmark = pytest.mark.slow

ROW = {"x": 0.25, "y": 0.5, "category": 3, "constant": 1.0}
WAIT_SECONDS = 30.0
TOLERANCE = 1e-9


def predict(service, query=""):
    found = post(service, f"/predict{query}", {"instances": [ROW]})
    return found["version"], found["predictions"][0]


def expect(shape):
    matrix = np.array([list(ROW.values())], dtype=np.float64)
    return float(score_with_lightgbm(train(shape), matrix)[0])


def test_a_store_that_goes_away_is_a_line_and_a_metric_and_a_service_even_starts_without_it(
    s3, tmp_path, scoreline_service
):
    """A version that was loaded before is found again by its pin, and the store is asked again when it is back."""
    store = ModelStore(s3.url)
    manifests = [put_version(store, "tiny", train(shape)) for shape in ("binary", "regression")]
    store.set_alias("tiny", "production", 1, by="tests")
    trusting_cache(tmp_path / "cache", *manifests)
    variables = {"MODEL_STORE": s3.url, "CACHE_DIR": str(tmp_path / "cache"), "MODEL_RELOAD_SECONDS": "0.2"}
    service = scoreline_service(variables, roles=["http"], name="first").start().await_ready()
    assert predict(service, "?version=2") == (2, expect("regression"))

    s3.server.interfere = lambda *_: Fault(503, "SlowDown")
    told = await_models(service, lambda told: told["reload"]["outcome"] == "store_away", WAIT_SECONDS)
    assert "SlowDown" in told["reload"]["detail"]
    assert read_metric(service, 'model_reloads_total{outcome="store_away"}') >= 1
    assert predict(service) == (1, expect("binary"))
    assert service.terminate() == 0
    assert len(service.logs("model_store_recalled")) == 1

    again = scoreline_service(variables, roles=["http"], name="second").start().await_ready()
    assert len(again.logs("model_store_recalled")) == 1
    assert predict(again) == (1, expect("binary"))
    assert predict(again, "?version=2") == (2, expect("regression"))
    s3.server.stop_interfering()
    store.set_alias("tiny", "production", 2, by="tests")
    await_models(again, lambda told: told["live"] == {"alias": "production", "version": 2}, WAIT_SECONDS)
    assert predict(again) == (2, expect("regression"))
    assert len(again.logs("model_store_back")) == 1
    assert again.terminate() == 0


def test_a_store_that_is_unmounted_is_away_while_serving_and_at_a_start_until_it_is_mounted_again(
    tmp_path, scoreline_service
):
    """A service that looks into an empty mount point does not take its models for gone."""
    store = ModelStore(str(tmp_path / "store"))
    manifests = [put_version(store, "tiny", train(shape)) for shape in ("binary", "regression")]
    store.set_alias("tiny", "production", 1, by="tests")
    trusting_cache(tmp_path / "cache", *manifests)
    variables = {"MODEL_STORE": store.url, "CACHE_DIR": str(tmp_path / "cache"), "MODEL_RELOAD_SECONDS": "0.2"}
    service = scoreline_service(variables, roles=["http"], name="first").start().await_ready()
    listed = json.loads(get(service, "/models"))
    assert predict(service, "?version=2") == (2, expect("regression"))

    (tmp_path / "store").rename(tmp_path / "unmounted")
    (tmp_path / "store").mkdir()
    told = await_models(service, lambda told: told["reload"]["outcome"] == "store_away", WAIT_SECONDS)
    assert "is it mounted?" in told["reload"]["detail"]
    assert [each["version"] for each in told["versions"]] == [each["version"] for each in listed["versions"]] == [1, 2]
    assert predict(service, "?version=2") == (2, expect("regression"))
    assert service.terminate() == 0

    again = scoreline_service(variables, roles=["http"], name="second").start().await_ready()
    assert predict(again) == (1, expect("binary"))
    assert predict(again, "?version=2") == (2, expect("regression"))
    (tmp_path / "store").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "store")
    store.set_alias("tiny", "production", 2, by="tests")
    await_models(again, lambda told: told["live"] == {"alias": "production", "version": 2}, WAIT_SECONDS)
    assert len(again.logs("model_store_back")) == 1
    assert again.terminate() == 0


def test_versions_are_compiled_while_lightgbm_answers_and_found_compiled_by_the_next_process(
    tmp_path, scoreline_service
):
    """And a version that cannot be compiled says why."""
    store = ModelStore(str(tmp_path / "store"))
    manifests = [put_version(store, "tiny", train(shape)) for shape in ("binary", "linear_tree")]
    store.set_alias("tiny", "production", 1, by="tests")
    trusting_cache(tmp_path / "cache", *manifests)
    variables = {"MODEL_STORE": store.url, "CACHE_DIR": str(tmp_path / "cache"), "MODEL_ENGINE": "compiled"}
    for outcome, name in (("compiled", "first"), ("cached", "second")):
        service = scoreline_service(variables, roles=["http"], name=name).start().await_ready()
        assert predict(service)[0] == 1
        told = await_models(service, lambda told: told["versions"][0]["engine"] == "compiled", WAIT_SECONDS)
        assert (told["versions"][0]["compiling"], told["versions"][0]["not_compiled"]) == (False, None)
        assert predict(service) == (1, pytest.approx(expect("binary"), rel=TOLERANCE, abs=0))
        assert read_metric(service, f'model_compilations_total{{outcome="{outcome}"}}') == 1
        assert 'engine="compiled"' in get(service, "/metrics")
        assert predict(service, "?version=2") == (2, expect("linear_tree"))
        told = await_models(service, lambda told: told["versions"][1]["not_compiled"] is not None, WAIT_SECONDS)
        assert told["versions"][1]["engine"] == "lightgbm"
        assert "linear" in told["versions"][1]["not_compiled"]
        assert service.terminate() == 0
        assert [line["version"] for line in service.logs("engine_upgraded")] == [1]
