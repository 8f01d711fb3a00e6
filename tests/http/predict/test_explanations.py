import asyncio
import threading

import lightgbm
import msgspec
import numpy as np
import pytest

from scoreline.features import Feature, FeatureSet, Kind
from scoreline.http.limits import Limits
from scoreline.http.predict.explanations import MOST_EXPLAINED, MOST_PENDING
from scoreline.models.booster import LightGBMModel
from scoreline.testing.fakes import WeightedSum
from tests.http.sidecars import happens, make_model, serve, until
from tests.models.builders import LEVELS, train


async def test_each_instance_is_explained_by_its_weightiest_features():
    """Beside the predictions, in the order of the instances."""
    async with serve({3: make_model(1.0, -10.0, 2.0)}) as running:
        answer = await running.predict([{"a": 1, "b": 2, "c": 3}, {"a": 4}], "?explain=2")
        assert answer.status == 200
        assert answer.json["predictions"] == [-13.0, 4.0]
        assert answer.json["explanations"] == [
            {
                "base": 0.0,
                "features": [{"feature": "b", "contribution": -20.0}, {"feature": "c", "contribution": 6.0}],
            },
            {"base": 0.0, "features": [{"feature": "a", "contribution": 4.0}, {"feature": "b", "contribution": 0.0}]},
        ]


async def test_more_features_than_there_are_means_all():
    async with serve({1: make_model(1.0, 2.0)}) as running:
        (explained,) = (await running.predict([{"a": 1, "b": 1}], "?explain=999999999")).json["explanations"]
        assert [f["feature"] for f in explained["features"]] == ["b", "a"]


async def test_of_a_multi_class_model_the_predicted_class_is_explained():
    async with serve({1: make_model(1.0, classes=("low", "mid", "high"))}) as running:
        body = (await running.predict([{"a": 2}, {"a": -2}], "?explain=1")).json
        assert body["labels"] == ["high", "low"]
        assert [e["features"][0]["contribution"] for e in body["explanations"]] == [6.0, -2.0]


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.5", "", "three", "true", "%2B3", "1e1", "٣", "²", "9" * 5000, "1&explain=2"]
)
async def test_what_is_no_positive_number_of_features_is_refused(value):
    async with serve() as running:
        answer = await running.predict([{"a": 1}], f"?explain={value}")
        assert (answer.status, answer.json["type"]) == (400, "urn:scoreline:problem:malformed-request")
        assert "explain" in answer.json["detail"]
        assert len(answer.json["detail"]) < 300


async def test_more_instances_than_are_explained_at_once_are_too_many():
    async with serve() as running:
        assert (await running.predict([{"a": 1}] * MOST_EXPLAINED, "?explain=1")).status == 200
        answer = await running.predict([{"a": 1}] * (MOST_EXPLAINED + 1), "?explain=1")
        assert (answer.status, answer.json["type"]) == (413, "urn:scoreline:problem:too-large")
        assert answer.json["detail"].startswith("the request has 33 instances, but with explain at most 32 are allowed")
        assert (await running.predict([{"a": 1}] * (MOST_EXPLAINED + 1))).status == 200


async def test_bad_rows_are_told_as_without_an_explanation():
    async with serve() as running:
        answer = await running.predict([{"a": 1}, {"a": "x"}], "?explain=1")
        assert answer.status == 422
        assert [(e["instance"], e["feature"]) for e in answer.json["errors"]] == [(1, "a")]


class Silent:
    """A model of some other kind, which tells nothing but scores."""

    engine = "tensors"
    importances = None
    classes = None
    features = FeatureSet((Feature("a"),))

    def predict(self, features):
        return features[:, 0]


async def test_a_model_that_cannot_be_explained_is_answered_with_the_reason():
    async with serve({1: Silent()}) as running:
        answer = await running.predict([{"a": 1}], "?explain=1")
        assert (answer.status, answer.json["type"]) == (422, "urn:scoreline:problem:not-explainable")
        assert "'tensors' does not tell" in answer.json["detail"]
        assert (await running.predict([{"a": 1}])).json["predictions"] == [1.0]


async def test_linear_trees_are_answered_with_the_reason():
    trained = train("linear_tree")
    async with serve({1: LightGBMModel(trained.text.decode(), trained.plain_features)}) as running:
        answer = await running.predict([{"x": 1}], "?explain=1")
        assert (answer.status, answer.json["type"]) == (422, "urn:scoreline:problem:not-explainable")
        assert "linear" in answer.json["detail"]


class Unbounded(Silent):
    """Its contributions cancel out beyond what a double can hold."""

    def explain(self, features, outputs):
        return np.column_stack([np.where(features < 0, np.inf, features), -features])


async def test_a_contribution_that_is_not_finite_names_its_instance():
    async with serve({1: Unbounded()}) as running:
        answer = await running.predict([{"a": 1}, {"a": -1}], "?explain=1")
        assert answer.status == 422
        assert [e["instance"] for e in answer.json["errors"]] == [1]


class HeldExplainer(WeightedSum):
    """A model that tells nothing of rows where `a` is one until it is released; others are explained at once."""

    def __init__(self) -> None:
        super().__init__([Feature("a")], [1.0])
        self.entered = threading.Event()
        self.release = threading.Event()
        self.threads: list[str] = []

    def explain(self, features, outputs):
        self.threads.append(threading.current_thread().name)
        if features[0, 0] == 1:
            self.entered.set()
            assert self.release.wait(5)
        return super().explain(features, outputs)


async def test_even_one_instance_is_explained_off_the_event_loop():
    model = HeldExplainer()
    async with serve({1: model}) as running:
        assert (await running.predict([{"a": 2}], "?explain=1")).status == 200
        assert [name.partition("_")[0] for name in model.threads] == ["explaining"]


async def test_predictions_do_not_wait_for_explanations():
    """Neither those on the loop nor those on a thread, however many explanations are asked for."""
    model = HeldExplainer()
    async with serve({1: model}) as running:
        asked = [asyncio.create_task(running.predict([{"a": 1}], "?explain=1")) for _ in range(MOST_PENDING)]
        await happens(model.entered)
        await until(lambda: running.pending == MOST_PENDING)
        assert (await running.predict([{"a": 5}])).json["predictions"] == [5.0]
        assert (await running.predict([{"a": 5}] * 400)).json["predictions"] == [5.0] * 400
        refused = await running.predict([{"a": 2}], "?explain=1")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        model.release.set()
        assert [(await answer).status for answer in asked] == [200] * MOST_PENDING


async def test_an_explanation_that_takes_too_long_is_given_up():
    """Its place is free again when the thread is done with what nobody waits for."""
    model = HeldExplainer()
    async with serve({1: model}, limits=Limits(timeout_seconds=0.05)) as running:
        late = await running.predict([{"a": 1}], "?explain=1")
        assert (late.status, late.json["type"]) == (503, "urn:scoreline:problem:deadline-exceeded")
        model.release.set()
        await until(lambda: running.pending == 0)


async def test_what_an_abandoned_request_waited_for_is_not_explained():
    model = HeldExplainer()
    body = b'{"instances": [{"a": 3}]}'
    head = b"POST /predict?explain=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    async with serve({1: model}) as running:
        first = asyncio.create_task(running.predict([{"a": 1}], "?explain=1"))
        await happens(model.entered)
        await running.hang_up_after(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert [e.status for e in running.events] == [499]
        model.release.set()
        assert (await first).status == 200
        assert (await running.predict([{"a": 2}], "?explain=1")).status == 200
        assert len(model.threads) == 2


async def test_explanations_of_a_real_model_read_back_to_the_same_bits():
    """With nulls, and a level that training never saw, which is explained as a null is."""
    trained, names = train("pandas"), ("place", "x", "size", "flag")
    levels = {"place": LEVELS, "size": (3, 5, 9)}
    kinds = {"flag": Kind.BOOLEAN, "x": Kind.NUMERIC}
    features = FeatureSet(tuple(Feature(n, kinds.get(n, Kind.CATEGORICAL), levels=levels.get(n)) for n in names))
    rows = [
        {"place": "東京", "x": 0.1, "size": 9, "flag": True},
        {"place": "nowhere", "x": None, "size": 4, "flag": False},
        {},
    ]
    nothing = [np.nan] * 4
    matrix = np.array([[2, 0.1, 2, 1], [np.nan, np.nan, np.nan, 0], nothing])
    expected = np.asarray(lightgbm.Booster(model_str=trained.text.decode()).predict(matrix, pred_contrib=True))
    async with serve({1: LightGBMModel(trained.text.decode(), features)}) as running:
        answer = await running.ask("POST", "/predict?explain=4", json={"instances": rows})
        explained = msgspec.json.decode(answer.body)["explanations"]
        for told, row in zip(explained, expected.tolist(), strict=True):
            assert told["base"] == row[-1]
            assert {f["feature"]: f["contribution"] for f in told["features"]} == dict(zip(names, row, strict=False))
