import asyncio
import threading

import lightgbm as lgb
import msgspec
import numpy as np
import pytest

from scoreline.errors import ModelNotFound, ModelRejected, Unavailable
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.booster import LightGBMModel
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion
from scoreline.models.routes import Route
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.sidecars import PROBLEM_JSON, Held, happens, make_model, serve


async def test_one_instance_is_scored():
    """The answer names model and version, and says how long it took."""
    async with serve({3: make_model(1.0, 10.0)}) as running:
        answer = await running.predict([{"a": 0.1, "b": 2}])
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        body = answer.json
        assert body.pop("latency_ms") > 0
        assert body == {"predictions": [0.1 + 2 * 10.0], "model": "model", "version": 3}


@pytest.mark.parametrize("count", [1, 5, 17, 400])
async def test_instances_are_answered_in_their_order(count):
    """Whether they are scored on the loop or on a thread."""
    async with serve() as running:
        answer = await running.predict([{"a": i, "b": 1} for i in range(count)])
        assert answer.json["predictions"] == [10.0 + i for i in range(count)]


async def test_a_multi_class_answer_has_scores_and_labels():
    """The prediction is the lowest index of the largest score."""
    async with serve({1: make_model(1.0, classes=("low", "mid", "high"))}) as running:
        body = (await running.predict([{"a": 2}, {"a": -2}, {"a": 0}])).json
        assert body["scores"] == [[2.0, 4.0, 6.0], [-2.0, -4.0, -6.0], [0.0, 0.0, 0.0]]
        assert body["predictions"] == [2.0, 0.0, 0.0]
        assert body["labels"] == ["high", "low", "low"]


@pytest.mark.parametrize(
    ("query", "version"), [("", 2), ("?version=1", 1), ("?version=latest", 2), ("?version=old", 1)]
)
async def test_a_selector_chooses_the_version(query, version):
    versions = FixedVersions({1: make_model(1.0), 2: make_model(2.0)}, {"old": 1})
    async with serve(versions) as running:
        body = (await running.predict([{"a": 1}], query)).json
        assert (body["version"], body["predictions"]) == (version, [float(version)])


class Cold(FixedVersions):
    """Version 2 is not resident, and takes as long to load as the test says."""

    def __init__(self, models):
        super().__init__(models)
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()

    def resolve(self, selector=None):
        if selector == "2":
            self.entered.release()
            assert self.release.wait(5)
        return super().resolve(selector)

    def find_resident(self, selector):
        cold = selector == "2" and not self.release.is_set()
        return None if cold else super().find_resident(selector)


async def test_versions_that_are_loaded_do_not_wait_for_those_that_are_not():
    """Nor for a thread, of which loading has all."""
    versions = Cold({1: make_model(1.0), 2: make_model(2.0)})
    async with serve(versions) as running:
        cold = [asyncio.create_task(running.predict([{"a": 1}], "?version=2")) for _ in range(3)]
        for _ in range(2):
            assert await asyncio.to_thread(versions.entered.acquire, timeout=5)
        async with asyncio.timeout(2):
            assert (await running.predict([{"a": 1}], "?version=1")).json["predictions"] == [1.0]
        versions.release.set()
        assert [(await answer).json["version"] for answer in cold] == [2, 2, 2]


@pytest.mark.parametrize(
    "selector", ["9", "nobody", "0", "-1", "LATEST", "..%2F..%2Fetc", "%00", "", "1e3", "x" * 5000]
)
async def test_an_unknown_version_is_not_found(selector):
    async with serve() as running:
        answer = await running.predict([{"a": 1}], f"?version={selector}")
        assert answer.status == 404
        assert answer.json["type"] == "urn:scoreline:problem:unknown-version"


class NoVersions:
    """`Versions` that raise."""

    def __init__(self, error):
        self.error = error

    def resolve(self, selector=None):
        raise self.error

    def find_resident(self, selector):
        return None


@pytest.mark.parametrize(
    ("error", "query", "slug"),
    [
        (ModelNotFound("no alias"), "", "no-live-model"),
        (Unavailable("s3://bucket refused"), "", "unavailable"),
        (ModelRejected("/srv/blob is damaged"), "?version=2", "version-rejected"),
    ],
)
async def test_without_a_usable_version_the_service_is_unavailable(error, query, slug):
    """503, and not a word about where the store is."""
    async with serve(NoVersions(error)) as running:
        answer = await running.predict([{"a": 1}], query)
        assert answer.status == 503
        assert answer.json["type"].endswith(slug)
        assert b"srv" not in answer.body
        assert b"s3" not in answer.body


async def test_all_bad_rows_are_named_with_their_features():
    features = [
        Feature("a", nullable=False),
        Feature("c", Kind.CATEGORICAL, levels=("x", "y")),
        Feature("n", Kind.INTEGER),
    ]
    async with serve({1: WeightedSum(features, [1, 1, 1])}) as running:
        answer = await running.predict([{"a": 1}, {"a": "1"}, {}, {"a": 1, "c": 3, "zz": 1}, {"a": 1, "n": 1.5}, 7])
        assert answer.status == 422
        assert answer.headers["Content-Type"] == PROBLEM_JSON
        problem = answer.json
        assert [(e["instance"], e.get("feature")) for e in problem["errors"]] == [
            (1, "a"),
            (2, "a"),
            (3, "c"),
            (3, "zz"),
            (4, "n"),
            (5, None),
        ]
        assert (problem["status"], problem["detail"]) == (422, "5 of the instances cannot be scored")


async def test_problems_that_only_settling_finds_are_told_alike():
    """A row that is well-formed, but has a null or a fraction where none may be."""
    features = [Feature("a", nullable=False), Feature("n", Kind.INTEGER)]
    async with serve({1: WeightedSum(features, [1, 1])}) as running:
        answer = await running.predict([{"a": None, "n": 1}, {"a": 1, "n": 2.0}, {"a": 1, "n": 2.5}])
        assert answer.status == 422
        assert [(e["instance"], e["feature"]) for e in answer.json["errors"]] == [(0, "a"), (2, "n")]


async def test_an_unknown_feature_may_be_ignored_on_request():
    async with serve() as running:
        rows = [{"a": 1, "b": 1, "zz": [{"deep": 1}]}]
        assert (await running.predict(rows)).status == 422
        assert (await running.predict(rows, "?ignore_unknown=true")).json["predictions"] == [11.0]
        assert (await running.predict(rows, "?ignore_unknown=yes")).status == 400


@pytest.mark.parametrize("query", ["?versoin=1", "?version=1&version=1", "?explain=1&explain=1", "?ignore_unknown="])
async def test_a_query_that_is_not_understood_is_refused(query):
    async with serve() as running:
        answer = await running.predict([{"a": 1}], query)
        assert (answer.status, answer.json["type"]) == (400, "urn:scoreline:problem:malformed-request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"instances": []}',
        b'{"instances": {}}',
        b'{"rows": []}',
        b'{"instances": [{"a": NaN}]}',
        b'{"instances": [{"a": -Infinity}]}',
        b'{"instances": [{"a": 1}]} trailing',
        b'\xef\xbb\xbf{"instances": [{"a": 1}]}',
        b'{"instances": [{"\xff": 1}]}',
        b'{"instances": ' + b"[" * 100_000,
    ],
)
async def test_what_cannot_be_read_is_malformed(body):
    async with serve() as running:
        answer = await running.predict_bytes(body)
        assert (answer.status, answer.json["type"]) == (400, "urn:scoreline:problem:malformed-request")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON;charset=UTF-8", 200),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
async def test_only_json_in_utf_8_is_taken(content_type, status):
    async with serve() as running:
        assert (await running.predict_bytes(b'{"instances": [{"a": 1}]}', content_type)).status == status


class Blowup:
    """A model whose output is infinite where its feature is negative."""

    engine = "fake"
    importances = None
    classes = None
    features = FeatureSet((Feature("a"),))

    def predict(self, features):
        return np.where(features[:, 0] < 0, np.inf, features[:, 0])


async def test_an_output_that_is_not_finite_names_its_instance():
    async with serve({1: Blowup()}) as running:
        answer = await running.predict([{"a": 1}, {"a": -1}, {"a": 2}, {"a": -3}])
        assert answer.status == 422
        assert [e["instance"] for e in answer.json["errors"]] == [1, 3]
        many = (await running.predict([{"a": -1}] * 1500)).json
        assert (len(many["errors"]), many["detail"][:29]) == (1000, "1500 of the instances cannot ")


class Broken:
    """A model that raises."""

    engine = "fake"
    importances = None
    classes = None
    features = FeatureSet((Feature("a"),))

    def predict(self, features):
        raise ZeroDivisionError("/home/someone/model.py")


@pytest.mark.parametrize("count", [1, 100])
async def test_a_crash_inside_is_a_500_that_says_nothing_of_the_inside(count, caplog):
    """The log has the reason under the request's id, and the next request is answered."""
    async with serve({1: Broken()}) as running:
        answer = await running.predict([{"a": 1}] * count, headers={"X-Request-Id": "find-me"})
        assert (answer.status, answer.json["type"]) == (500, "urn:scoreline:problem:internal")
        assert b"home" not in answer.body
        assert b"ZeroDivision" not in answer.body
        assert (await running.get("/health")).status == 200
    failed = [r for r in caplog.records if getattr(r, "event", "") == "request_failed"]
    assert [(r.request_id, r.exc_info[0]) for r in failed] == [("find-me", ZeroDivisionError)]


async def test_a_bad_caller_fails_nobody_else():
    """Thirty-two at once, every fourth of them wrong: each gets its own answer."""
    async with serve() as running:

        async def call(i: int):
            rows = [{"a": i, "b": 1}] if i % 4 else [{"a": "oops"}]
            return await running.predict(rows)

        answers = await asyncio.gather(*(call(i) for i in range(32)))
        assert [a.status for a in answers] == [200 if i % 4 else 422 for i in range(32)]
        assert all(a.json["predictions"] == [10.0 + i] for i, a in enumerate(answers) if i % 4)


async def test_a_large_request_does_not_hold_up_a_small_one():
    """While one is scored on a thread, the loop answers others."""
    model = Held()
    async with serve({1: model}) as running:
        large = asyncio.create_task(running.predict([{"a": 1}] * 100))
        await happens(model.entered)
        assert (await running.predict([{"a": 5}])).json["predictions"] == [5.0]
        assert (await running.get("/health")).status == 200
        assert running.sidecar.in_flight == 1
        model.release.set()
        assert (await large).json["predictions"] == [1.0] * 100


async def test_what_was_served_is_told_with_its_version_and_instances():
    async with serve({7: make_model(1.0)}) as running:
        await running.predict([{"a": 1}, {"a": 2}])
        await running.predict([{"a": "x"}])
        first, second = running.events
        assert (first.route, first.method, first.status, first.instances, first.version) == (
            "/predict",
            "POST",
            200,
            2,
            7,
        )
        assert (second.status, second.instances, second.version) == (422, 0, None)
        assert 0 < first.seconds < 5


async def test_a_versions_own_features_validate_its_rows():
    """Two versions with different features are validated and scored each by its own."""
    versions = FixedVersions({1: make_model(1.0), 2: make_model(1.0, 1.0)})
    async with serve(versions) as running:
        rows = [{"a": 1, "b": 2}]
        assert (await running.predict(rows, "?version=1")).status == 422
        assert (await running.predict(rows, "?version=2")).json["predictions"] == [3.0]
        assert (await running.predict([{"a": 4}], "?version=1")).json["predictions"] == [4.0]


@pytest.fixture(scope="module")
def booster():
    random = np.random.default_rng(7)
    rows = random.normal(size=(400, 3))
    rows[:, 2] = random.integers(0, 4, 400)
    rows[random.random(400) < 0.2, 1] = np.nan
    target = rows[:, 0] + np.nan_to_num(rows[:, 1]) * (rows[:, 2] == 2)
    data = lgb.Dataset(rows, target, feature_name=["x", "y", "kind"], categorical_feature=["kind"])
    options = {"objective": "regression", "num_leaves": 15, "verbose": -1, "num_threads": 1, "seed": 1}
    return lgb.train(options, data, num_boost_round=20), rows


@pytest.mark.parametrize("count", [1, 3, 16, 17, 300])
async def test_scores_are_those_of_booster_predict_to_the_last_bit(booster, count):
    """Through JSON and back, one row or many, on the loop or on a thread."""
    booster, rows = booster
    levels = ("a", "b", "c", "d")
    features = FeatureSet((Feature("x"), Feature("y"), Feature("kind", Kind.CATEGORICAL, levels=levels)))
    model = LightGBMModel(booster.model_to_string(), features)
    rows = rows[:count]
    instances = [{"x": x, "y": None if np.isnan(y) else y, "kind": levels[int(k)]} for x, y, k in rows.tolist()]
    async with serve({1: model}) as running:
        answer = await running.predict_bytes(msgspec.json.encode({"instances": instances}))
        assert answer.json["predictions"] == booster.predict(rows, num_threads=1).tolist()


def choose(route, key):
    loaded = [ModelVersion("model", number, "", make_model(1.0)) for number in route.versions]
    return LiveRoute.load(route, loaded).choose(key.encode()).version


async def test_on_a_route_the_request_key_chooses_else_the_request_id():
    halves = Route.of({1: 1, 2: 1})
    versions = FixedVersions({1: make_model(1.0), 2: make_model(2.0)}, {"production": halves})
    async with serve(versions) as running:
        found = set()
        for i in range(24):
            headers = {"X-Request-Id": f"id-{i}", "X-Request-Key": f"kéy-{i}" if i % 2 else ""}
            if i % 4 == 0:
                del headers["X-Request-Key"]  # an empty one is as good as none
            body = {"instances": [{"a": 1}]}
            answer = await running.ask("POST", "/predict", json=body, headers=headers)
            expected = choose(halves, f"kéy-{i}" if i % 2 else f"id-{i}")
            assert (answer.json["version"], answer.json["predictions"]) == (expected, [float(expected)])
            found.add(expected)
        assert found == {1, 2}


async def test_what_another_version_of_the_route_knows_is_skipped_and_what_none_knows_refused():
    """Whoever is asked, the caller sends the same."""
    models = {1: make_model(1.0), 2: make_model(1.0, 1.0)}
    versions = FixedVersions(models, {"production": Route.of({1: 1, 2: 1})})
    async with serve(versions) as running:
        seen = set()
        for i in range(24):
            headers = {"X-Request-Key": f"key-{i}"}
            body = {"instances": [{"a": 1, "b": 5}]}
            answer = await running.ask("POST", "/predict", json=body, headers=headers)
            seen.add((answer.json["version"], answer.json["predictions"][0]))
            body = {"instances": [{"a": 1, "z": 5}]}
            answer = await running.ask("POST", "/predict", json=body, headers=headers)
            assert answer.status == 422
            assert answer.json["errors"][0]["feature"] == "z"
        assert seen == {(1, 1.0), (2, 6.0)}
        assert (await running.predict([{"a": 1, "b": 5}], "?version=1")).status == 422
