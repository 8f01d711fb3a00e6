"""`/v2` beside `infer`: health, metadata, and what is at none of its paths."""

import pytest

from scoreline.config.tokens import Access, Token
from scoreline.errors import ModelNotFound, ModelRejected, Unavailable
from scoreline.features import Feature, Kind
from scoreline.observability.health import ComponentHealth
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.inference_v2.tensors import tensor
from tests.http.sidecars import PROBLEM_JSON, make_model, serve

PATHS = ["/v2/models/model", "/v2/models/model/ready", "/v2/models/model/infer"]


def ask(running, path, **options):
    """By the method that the path takes."""
    if path.endswith("/infer"):
        return running.ask("POST", path, json={"inputs": [tensor("a", [1])]}, **options)
    return running.get(path, **options)


async def test_the_server_says_who_it_is():
    async with serve() as running:
        answer = (await running.get("/v2")).json
        assert (answer["name"], answer["extensions"]) == ("scoreline", [])
        assert answer["version"]


async def test_health_is_that_of_the_http_role():
    """A stream that is stuck or unready keeps nobody from asking for a prediction; that it is stuck is told."""
    stream = [ComponentHealth("stream", "stream", ready=False, alive=True, detail="waits")]
    model = [ComponentHealth("model", None, ready=True, alive=True, detail="loaded")]
    async with serve() as running:
        running.board.add(lambda: stream[0])
        running.board.add(lambda: model[0])
        ready = await running.get("/v2/health/ready")
        assert (ready.status, ready.json) == (200, {"ready": True})
        assert (await running.get("/v2/health/live")).json == {"live": True}
        stream[0] = ComponentHealth("stream", "stream", ready=False, alive=False, detail="stuck")
        model[0] = ComponentHealth("model", None, ready=False, alive=True, detail="rejected")
        ready, live = await running.get("/v2/health/ready"), await running.get("/v2/health/live")
        assert (ready.status, ready.json) == (503, {"ready": False})
        assert (live.status, live.json) == (503, {"live": False})


async def test_metadata_tells_the_datatype_of_every_feature():
    features = [
        Feature("number"),
        Feature("integer", Kind.INTEGER),
        Feature("boolean", Kind.BOOLEAN),
        Feature("code", Kind.CATEGORICAL),
        Feature("texts", Kind.CATEGORICAL, levels=("x", 1)),
        Feature("flags", Kind.CATEGORICAL, levels=(True,)),
        Feature("wholes", Kind.CATEGORICAL, levels=(3, 4)),
        Feature("halves", Kind.CATEGORICAL, levels=(3, 4.5)),
        Feature("never", Kind.CATEGORICAL, levels=()),
    ]
    async with serve({1: WeightedSum(features, [1.0] * 9, ("no", "yes", "maybe"))}) as running:
        answer = (await running.get("/v2/models/model")).json
    assert [each["datatype"] for each in answer["inputs"]] == [
        *("FP64", "INT64", "BOOL", "INT64", "BYTES", "BOOL", "INT64", "FP64", "BYTES")
    ]
    assert [each["name"] for each in answer["inputs"]] == [each.name for each in features]
    assert answer["outputs"] == [
        {"name": "predict", "datatype": "FP64", "shape": [-1]},
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "scores", "datatype": "FP64", "shape": [-1, 3]},
    ]
    assert (answer["name"], answer["versions"], answer["platform"]) == ("model", ["1"], "fake")


BOOLEAN = Feature("b", Kind.BOOLEAN)
TEXT = Feature("t", Kind.CATEGORICAL, levels=("x",))
FLAG = Feature("f", Kind.CATEGORICAL, levels=(False, True))


@pytest.mark.parametrize(
    ("features", "data", "takes"),
    [
        ([Feature("a"), BOOLEAN, FLAG], [1, 1, 1], True),
        ([Feature("a"), TEXT], [1, 0], False),
        ([Feature("a")], [1], False),
    ],
)
async def test_metadata_says_whether_one_matrix_is_taken_and_it_is(features, data, takes):
    async with serve({1: WeightedSum(features, [1.0] * len(features))}) as running:
        matrix = (await running.get("/v2/models/model/versions/1")).json["parameters"]["matrix_input"]
        inputs = [tensor("x", data, shape=[1, len(data)])]
        answer = await running.ask("POST", "/v2/models/model/infer", json={"inputs": inputs})
    assert matrix == ({"datatype": "FP64", "shape": [-1, len(features)]} if takes else None)
    assert (answer.status == 200) == takes


@pytest.mark.parametrize("path", PATHS)
async def test_another_model_is_not_found(path):
    async with serve() as running:
        for other in ("another", "MODEL", "%00", "model%2Fversions", "x" * 2000):
            answer = await ask(running, path.replace("models/model", f"models/{other}"))
            assert (answer.status, answer.json["type"]) == (404, "urn:scoreline:problem:unknown-model")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("selector", ["9", "nobody", "0", "-1", "1.0", "LATEST", "..%2F..%2Fetc", "%00", "x" * 2000])
async def test_another_version_is_not_found(path, selector):
    async with serve() as running:
        answer = await ask(running, path.replace("models/model", f"models/model/versions/{selector}"))
        assert (answer.status, answer.json["type"]) == (404, "urn:scoreline:problem:unknown-version")


class NoVersions:
    """`Versions` that raise."""

    def __init__(self, error):
        self.error = error

    def resolve(self, selector=None):
        raise self.error

    def find_resident(self, selector):
        return None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("error", "which", "slug"),
    [
        (ModelNotFound("no alias"), "", "no-live-model"),
        (Unavailable("s3://bucket refused"), "", "unavailable"),
        (ModelRejected("/srv/blob is damaged"), "/versions/2", "version-rejected"),
    ],
)
async def test_without_a_usable_version_the_model_is_not_ready(path, error, which, slug):
    async with serve(NoVersions(error)) as running:
        answer = await ask(running, path.replace("models/model", f"models/model{which}"))
        assert (answer.status, answer.json["type"]) == (503, f"urn:scoreline:problem:{slug}")


async def test_a_version_that_is_not_loaded_is_loaded_when_somebody_asks_whether_it_is_ready():
    loaded = []

    class Cold(FixedVersions):
        def resolve(self, selector=None):
            loaded.append(selector)
            return super().resolve(selector)

        def find_resident(self, selector):
            return super().find_resident(selector) if selector in loaded or selector == "production" else None

    async with serve(Cold({1: make_model(1.0), 2: make_model(2.0)})) as running:
        answer = await running.get("/v2/models/model/versions/1/ready")
        assert (answer.status, answer.json) == (200, {"name": "model", "ready": True})
        assert loaded == ["1"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("POST", "/v2/repository/index", 404),
        ("GET", "/v2/models/model/infer", 405),
        ("POST", "/v2/models/model/versions/1", 405),
        ("GET", "/v2/models/model?version=1", 400),
        ("GET", "/v2/models/model/versions//ready", 404),
    ],
)
async def test_every_problem_under_v2_has_the_text_that_its_clients_show(method, path, status):
    async with serve() as running:
        answer = await running.ask(method, path)
        assert (answer.status, answer.headers["Content-Type"]) == (status, PROBLEM_JSON)
        assert answer.json["error"] == f"{answer.json['title']}: {answer.json['detail']}"


async def test_a_caller_without_a_token_is_told_so_in_the_same_way_and_others_see_no_such_member():
    async with serve(tokens=[Token(Access.PREDICT, "predict-me")]) as running:
        refused = await running.get("/v2/models/model")
        assert (refused.status, "WWW-Authenticate" in refused.headers) == (401, True)
        assert refused.json["error"].startswith("A bearer token is needed: ")
        assert "error" not in (await running.get("/models")).json
        assert (await running.get("/v2/health/ready")).status == 200


async def test_without_the_http_role_there_is_nothing_under_v2():
    async with serve(serving=False) as running:
        assert (await running.get("/v2/health/live")).status == 404
