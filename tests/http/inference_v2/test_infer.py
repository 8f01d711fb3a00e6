"""`POST /v2/models/{name}/infer`: what tensors are taken as, and what is refused of them."""

import asyncio
import json
import math

import lightgbm as lgb
import numpy as np
import pytest

from scoreline.features import Feature, Kind
from scoreline.http.limits import Limits
from scoreline.models.booster import LightGBMModel
from scoreline.models.routes import Route
from scoreline.scoring.shadows import ShadowScorer
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.inference_v2.tensors import tensor
from tests.http.sidecars import PROBLEM_JSON, Held, happens, make_model, serve
from tests.shadow_recorder import SECONDS, Compared, ShadowRecorder

INFER = "/v2/models/model/infer"


async def infer(running, inputs, path=INFER, **more):
    options = {name: more.pop(name) for name in ("headers",) if name in more}
    return await running.ask("POST", path, json={"inputs": inputs, **more}, **options)


async def infer_bytes(running, body, **headers):
    return await running.ask("POST", INFER, data=body, headers={"Content-Type": "application/json", **headers})


def read(answer, output="predict"):
    assert answer.status == 200, answer.body
    (found,) = [each for each in answer.json["outputs"] if each["name"] == output]
    return found["data"]


def refusal(answer, status):
    """The text that clients of the protocol show, once it is a problem through and through."""
    assert (answer.status, answer.headers["Content-Type"]) == (status, PROBLEM_JSON), answer.body
    assert answer.json["status"] == status
    return answer.json["error"]


@pytest.mark.parametrize("count", [1, 5, 17, 400])
async def test_columns_are_answered_in_the_order_of_their_rows(count):
    """Whether they are scored on the loop or on a thread."""
    async with serve() as running:
        columns = [tensor("b", [1] * count), tensor("a", [float(i) for i in range(count)])]
        assert read(await infer(running, columns)) == [10.0 + i for i in range(count)]
        assert running.events[-1].instances == count
        assert running.events[-1].route == "/v2/models/{name}/infer"


@pytest.mark.parametrize(
    ("shape", "data"),
    [([2], [1, 2]), ([2, 1], [1, 2]), ([2, 1], [[1], [2]])],
)
async def test_data_may_be_flat_or_nested(shape, data):
    async with serve() as running:
        assert read(await infer(running, [tensor("a", data, shape=shape)])) == [1.0, 2.0]


@pytest.mark.parametrize("data", [[1, 2, 3, None], [[1, 2], [3, None]]])
@pytest.mark.parametrize("datatype", ["FP64", "FP32", "INT8", "UINT64"])
async def test_a_matrix_has_the_order_of_the_model_whatever_its_name(data, datatype):
    async with serve() as running:
        assert read(await infer(running, [tensor("input-0", data, datatype, [2, 2])])) == [21.0, 3.0]


async def test_an_absent_column_and_a_null_are_null():
    async with serve() as running:
        assert read(await infer(running, [tensor("b", [None, 2])])) == [0.0, 20.0]


async def test_the_id_comes_back_and_outputs_are_chosen():
    async with serve({1: make_model(1.0, classes=("low", "mid"))}) as running:
        column = [tensor("a", [2.0, -1.0])]
        answer = (await infer(running, column, id="my-id", outputs=[{"name": "scores"}, {"name": "label"}])).json
        assert answer == {
            "model_name": "model",
            "model_version": "1",
            "id": "my-id",
            "outputs": [
                {"name": "scores", "datatype": "FP64", "shape": [2, 2], "data": [2.0, 4.0, -1.0, -2.0]},
                {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["mid", "low"]},
            ],
        }
        plain = (await infer(running, column, outputs=[], id=None, parameters=None)).json
        assert [each["name"] for each in plain["outputs"]] == ["predict", "label", "scores"]
        assert "id" not in plain


async def test_the_path_or_the_key_chooses_the_version():
    versions = FixedVersions(
        {1: make_model(1.0), 2: make_model(2.0)}, {"production": Route.of({1: 50, 2: 50}), "old": 1}
    )
    async with serve(versions) as running:
        for selector, version in (("1", "1"), ("old", "1"), ("latest", "2")):
            path = f"/v2/models/model/versions/{selector}/infer"
            assert (await infer(running, [tensor("a", [1.0])], path)).json["model_version"] == version
        for key in map(str, range(8)):
            headers = {"X-Request-Key": key}
            predicted = (await running.predict([{"a": 1}], headers=headers)).json["version"]
            answer = await infer(running, [tensor("a", [1.0])], headers=headers)
            assert answer.json["model_version"] == str(predicted)
            metadata = (await running.get("/v2/models/model", headers=headers)).json
            assert metadata["parameters"]["version"] == str(predicted)


async def test_a_matrix_is_refused_where_versions_with_other_features_may_answer():
    """Its columns have no names, so that nobody knows which version's they are."""
    other = WeightedSum([Feature("b"), Feature("a")], [1.0, 1.0])
    versions = FixedVersions({1: make_model(1.0, 10.0), 2: other}, {"production": Route.of({1: 50, 2: 50})})
    async with serve(versions) as running:
        matrix = [tensor("x", [1, 2], shape=[1, 2])]
        assert "name the version in the path" in refusal(await infer(running, matrix), 400)
        assert read(await infer(running, matrix, "/v2/models/model/versions/1/infer")) == [21.0]
        assert (await infer(running, [tensor("a", [1]), tensor("b", [2])])).status == 200


async def test_a_column_that_only_another_version_of_the_route_knows_is_skipped():
    versions = FixedVersions({1: make_model(1.0), 2: make_model(1.0, 1.0)}, {"production": Route.of({1: 99, 2: 1})})
    async with serve(versions) as running:
        columns = [tensor("a", [1]), tensor("b", [2])]
        assert (await infer(running, columns)).status == 200
        assert "has no feature 'b'" in refusal(await infer(running, columns, "/v2/models/model/versions/1/infer"), 422)


async def test_shadows_read_the_tensors_for_themselves():
    """Columns by name, and a matrix by the names of the version that answers."""
    recorder = ShadowRecorder()
    scorer = ShadowScorer(recorder)
    other = WeightedSum([Feature("c"), Feature("b")], [100.0, 1.0])
    versions = FixedVersions({1: make_model(1.0, 10.0), 2: other}, {"production": Route.of({1: 1}, (2,))})
    async with serve(versions, shadows=scorer) as running:
        columns = [tensor("a", [1]), tensor("b", [2]), tensor("c", [3])]
        assert read(await infer(running, columns)) == [21.0]
        recorder.await_told(compared=1)
        assert read(await infer(running, [tensor("x", [1, 2], shape=[1, 2])])) == [21.0]
        recorder.await_told(compared=2)
    scorer.close(SECONDS)
    assert recorder.compared == [Compared(1, 2, [21.0], [302.0]), Compared(1, 2, [21.0], [2.0])]


CAREFUL = WeightedSum(
    [
        Feature("n", nullable=False),
        Feature("i", Kind.INTEGER),
        Feature("b", Kind.BOOLEAN),
        Feature("c", Kind.CATEGORICAL),
        Feature("text", Kind.CATEGORICAL, levels=("x", "y")),
        Feature("whole", Kind.CATEGORICAL, levels=(10, 2**53 + 1)),
        Feature("flag", Kind.CATEGORICAL, levels=(False, True)),
        Feature("any", Kind.CATEGORICAL, levels=()),
    ],
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
)


@pytest.mark.parametrize(
    ("column", "score"),
    [
        (tensor("i", [3.0]), 3.0),
        (tensor("i", [3], "UINT8"), 3.0),
        (tensor("b", [True], "BOOL"), 1.0),
        (tensor("c", [7], "INT16"), 7.0),
        (tensor("text", ["y"], "BYTES"), 1.0),
        (tensor("text", ["never seen"], "BYTES"), 0.0),
        (tensor("whole", [2**53 + 1], "INT64"), 1.0),
        (tensor("whole", [10.0], "FP32"), 0.0),
        (tensor("flag", [True], "BOOL"), 1.0),
        (tensor("any", ["z"], "BYTES"), 0.0),
        (tensor("any", [1], "INT8"), 0.0),
        (tensor("n", [0.1], "FP32"), float(np.float32(0.1))),
        (tensor("i", [2**64 - 1], "UINT64"), float(2**64 - 1)),
    ],
)
async def test_a_datatype_that_a_feature_takes_is_scored(column, score):
    async with serve({1: CAREFUL}) as running:
        columns = [column] if column["name"] == "n" else [tensor("n", [0]), column]
        assert read(await infer(running, columns)) == [score]


@pytest.mark.parametrize(
    ("column", "detail"),
    [
        (tensor("n", [None]), "feature 'n' is null, but may not be"),
        (tensor("n", ["1"]), "expected a number, got a string"),
        (tensor("n", [True]), "expected a number, got true"),
        (tensor("n", [1e39], "FP32"), "feature 'n' has to be a finite number, but is inf"),
        (tensor("n", [[1]], shape=[1, 1]) | {"data": [[[1]]]}, "expected a number, got an array"),
        (tensor("i", [1.5]), "feature 'i' has to be a whole number, but is 1.5"),
        (
            tensor("i", [1.0], "INT64"),
            "expected a whole number from -9223372036854775808 to 9223372036854775807 or null",
        ),
        (tensor("i", [128], "INT8"), "expected a whole number from -128 to 127 or null, got the number 128"),
        (tensor("i", [-1], "UINT8"), "expected a whole number from 0 to 255 or null, got the number -1"),
        (tensor("i", [2**64], "UINT64"), "got the number 18446744073709551616"),
        (tensor("b", [1], "BOOL"), "expected true or false or null, got the number 1"),
        (tensor("c", [-1], "INT8"), "feature 'c' has to be a category code"),
        (tensor("text", [1], "BYTES"), "expected a string or null, got the number 1"),
        (tensor("zz", [1]), "the model has no feature 'zz'"),
    ],
)
async def test_a_value_that_may_not_be_is_told_with_instance_and_feature(column, detail):
    async with serve({1: CAREFUL}) as running:
        columns = [column] if column["name"] == "n" else [tensor("n", [0]), column]
        answer = await infer(running, columns)
        assert detail in refusal(answer, 422)
        (error,) = answer.json["errors"]
        assert (error["instance"], error["feature"]) == (0, column["name"])


async def test_a_column_that_may_not_be_left_out_is_missing():
    async with serve({1: CAREFUL}) as running:
        answer = await infer(running, [tensor("i", [1])])
        assert "instance 0, 'n': feature 'n' is missing, and may not be null" in refusal(answer, 422)


@pytest.mark.parametrize(("data", "instance", "feature"), [([1, "x", 3, 4], 0, "b"), ([1, 2, "x", 4], 1, "a")])
async def test_a_value_of_a_matrix_is_told_with_its_instance_and_feature(data, instance, feature):
    async with serve() as running:
        answer = await infer(running, [tensor("x", data, shape=[2, 2])])
        assert answer.json["errors"] == [
            {"instance": instance, "feature": feature, "detail": "expected a number or null, got a string"}
        ]


@pytest.mark.slow
async def test_all_that_is_wrong_is_told_at_once_and_the_rest_only_counted():
    async with serve({1: CAREFUL}) as running:
        columns = [tensor("i", [1, "x", 2.5]), tensor("b", [None, 1, True], "BOOL"), tensor("zz", [1, 2, 3])]
        answer = await infer(running, columns)
        assert answer.status == 422
        told = {(error["instance"], error["feature"]) for error in answer.json["errors"]}
        assert told == {(0, "n"), (1, "n"), (2, "n"), (1, "i"), (2, "i"), (1, "b"), (0, "zz"), (1, "zz"), (2, "zz")}
        unknown = [tensor(f"z{i}", [], shape=[9000]) for i in range(40)]
        many = await infer(running, [tensor("n", [0] * 9000), *unknown])
        assert many.json["detail"] == "9000 of the instances cannot be scored; the first 1000 of them are told"
        assert len(many.json["errors"]) == 100 * 32 + 900


MALFORMED = [
    ([], "inputs is empty"),
    ([tensor("a", [])], "has no rows"),
    ([tensor("a", [1], "FP16")], "input 'a' has the datatype 'FP16'; expected one of FP64, FP32"),
    ([tensor("a", [1], "fp64")], "input 'a' has the datatype 'fp64'"),
    ([tensor("a", ["x"], "BYTES")], "input 'a' has the datatype BYTES, but feature 'a' takes FP64"),
    ([tensor("a", [True], "BOOL")], "input 'a' has the datatype BOOL, but feature 'a' takes FP64"),
    ([tensor("x", [True, True], "BOOL", [1, 2])], "input 'x' has the datatype BOOL, but feature 'a' takes FP64"),
    ([tensor("a", [1], shape=[])], "input 'a' has 0 dimensions"),
    ([tensor("a", [1], shape=[1, 1, 1])], "input 'a' has 3 dimensions"),
    ([tensor("a", [1], shape=[2])], "input 'a' has the shape [2], which takes 2 values, but its data has 1"),
    ([tensor("a", [1, 2, 3], shape=[2])], "input 'a' has the shape [2], which takes 2 values, but its data has more"),
    ([tensor("a", [[1], [2]], shape=[2])], "the data of input 'a' is not nested as its shape [2] says"),
    ([tensor("a", [[1, 2]], shape=[2, 1])], "the data of input 'a' is not nested as its shape [2, 1] says"),
    ([tensor("x", [[1, 2], [3]], shape=[2, 2])], "the data of input 'x' is not nested as its shape [2, 2] says"),
    ([tensor("x", [[1, 2], 3, 4], shape=[2, 2])], "the data of input 'x' is not nested as its shape [2, 2] says"),
    ([tensor("x", [1, 2, 3], shape=[1, 3])], "but the model has 2 features: expected [1, 2]"),
    ([tensor("x", [], shape=[1, 0])], "but the model has 2 features: expected [1, 2]"),
    ([tensor("a", [1, 2], shape=[1, 2])], "input 'a' has the shape [1, 2]; expected [1] or [1, 1] for a column"),
    ([tensor("x", [1, 2], shape=[1, 2]), tensor("a", [1])], "input 'x' has the shape [1, 2]; expected [1] or [1, 1]"),
    ([tensor("a", [1]), tensor("a", [2])], "input 'a' is given twice"),
    ([tensor("a", [1]), tensor("b", [1, 2])], "input 'b' has 2 rows, but input 'a' has 1"),
    ([tensor("a", [1], shape=[-1])], "shape[0]"),
    ([tensor("a", [1], shape=[1.5])], "shape[0]"),
    ([tensor("a", [1], shape=[2**60])], "shape[0]"),
    ([tensor("a", [1], shape=["1"])], "shape[0]"),
    ([tensor("a", [1]) | {"data": None}], "the data of input 'a' has to be an array, got null"),
    ([tensor("a", [1]) | {"data": "AAAA"}], "the data of input 'a' has to be an array, got a string"),
    ([tensor("a", [1]) | {"data": {"0": 1}}], "the data of input 'a' has to be an array, got an object"),
    ([tensor("a", [1]) | {"dtype": "FP64"}], "dtype"),
    ([{"name": "a", "shape": [1], "datatype": "FP64"}], "data"),
    ([tensor("a", [1]) | {"name": 1}], "name"),
    ([7], "inputs[0]"),
    (None, "inputs"),
]


@pytest.mark.parametrize(("inputs", "detail"), MALFORMED)
async def test_tensors_that_do_not_go_together_are_refused_by_name(inputs, detail):
    async with serve() as running:
        assert detail in refusal(await infer(running, inputs), 400)


async def test_a_lone_column_with_a_misspelled_name_is_no_matrix():
    async with serve({1: make_model(1.0)}) as running:
        answer = await infer(running, [tensor("A", [[1]], shape=[1, 1])])
        assert "the model has no feature 'A'" in refusal(answer, 422)


@pytest.mark.parametrize(
    ("more", "status", "detail"),
    [
        ({"outputs": [{"name": "nope"}]}, 400, "the model has no output 'nope'; expected predict"),
        ({"outputs": [{"name": "predict"}] * 2}, 400, "the output 'predict' is asked for twice"),
        ({"outputs": [{"name": "predict", "parameters": {"binary_data": True}}]}, 415, "binary extension"),
        ({"outputs": [{"name": "predict", "parameters": {"classification": 3}}]}, 400, "'classification'"),
        ({"id": 7}, 400, "id"),
        ({"output": []}, 400, "output"),
        ({"parameters": []}, 400, "parameters"),
        ({"outputs": [{"name": "predict", "parameters": {"binary_data": "yes"}}]}, 400, "binary_data"),
        ({"outputs": [{"name": "predict", "parameters": {"shared_memory_region": "r"}}]}, 400, "output 'predict' has"),
    ],
)
async def test_what_is_asked_for_in_vain_is_refused(more, status, detail):
    async with serve() as running:
        assert detail in refusal(await infer(running, [tensor("a", [1])], **more), status)


async def test_parameters_that_change_nothing_are_let_through():
    async with serve() as running:
        parameters = {"binary_data_output": True, "priority": 3, "deep": {"er": [1, {}]}}
        column = tensor("a", [1]) | {"parameters": {"content_type": "np", "binary_data": False}}
        answer = await infer(running, [column], parameters=parameters, outputs=[{"name": "predict", "parameters": {}}])
        assert read(answer) == [1.0]


async def test_the_binary_extension_is_refused_with_the_reason():
    async with serve() as running:
        answer = await infer_bytes(running, b"{}\x00", **{"Inference-Header-Content-Length": "2"})
        assert "as JSON here, not in the protocol's binary extension" in refusal(answer, 415)
        column = {"name": "a", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}, "data": []}
        assert "binary extension" in refusal(await infer(running, [column]), 415)
        plain = await running.ask("POST", INFER, data=b"a=1", headers={"Content-Type": "text/plain"})
        assert "application/json" in refusal(plain, 415)


async def test_a_body_may_come_without_a_content_type():
    async with serve() as running:
        body = json.dumps({"inputs": [tensor("a", [1])]}).encode()
        async with running.session.post(
            running.server.url + INFER, data=body, skip_auto_headers=["Content-Type"]
        ) as response:
            assert (response.status, "Content-Type" in response.request_info.headers) == (200, False)


@pytest.mark.parametrize(
    "data",
    [
        *(b"[NaN]", b"[Infinity]", b"[1e400]", b"[1,]", b"[,]", b"[", b"1", b"", b"[1}", b"[0x1]", b"[01]", b"[1] [2]"),
        *(b"[" * 5000 + b"]" * 5000, b"[" * 100_000, b'["\\ud800"]', b'["\xff"]', b"[" + b"9" * 5000 + b"]"),
        *(b"[" + b"1," * 100_000 + b"1]", b"[" + b"[]," * 100_000 + b"[]]", b"[" + b'"a",' * 100_000 + b'"a"]'),
        *(b'["' + b"," * 1000 + b'",1]', b"[" + b"null," * 50_000 + b"null]", b'[{"a":[1,2]}]', b"[[1,2],[3]]"),
    ],
)
@pytest.mark.parametrize(
    ("name", "datatype", "shape"),
    [
        ("n", b"FP64", b"[1]"),
        ("text", b"BYTES", b"[1]"),
        ("i", b"UINT64", b"[1,1]"),
        ("b", b"BOOL", b"[9999999999999999999999]"),
    ],
)
async def test_no_data_whatever_is_a_fault_of_the_service(data, name, datatype, shape):
    async with serve({1: CAREFUL}) as running:
        body = b'{"inputs": [{"name": "%s", "datatype": "%s", "shape": %s, "data": %s}]}'
        answer = await infer_bytes(running, body % (name.encode(), datatype, shape, data))
        assert refusal(answer, 400 if answer.status == 400 else 422)


async def test_what_is_no_utf_8_is_refused_also_where_it_would_be_skipped():
    """It may be meant: the name of a feature, or a tensor that is another version's."""
    async with serve() as running:
        for part in (b'"parameters": {"x": "\xff"}', b'"parameters": {"\xff": 1}', b'"id": "\xff"'):
            body = b'{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}], %s}' % part
            assert "not UTF-8" in refusal(await infer_bytes(running, body), 400)


async def test_too_many_rows_are_refused_before_they_are_read():
    async with serve(limits=Limits(max_instances=3)) as running:
        assert (await infer(running, [tensor("a", [1, 2, 3])])).status == 200
        assert "more than the 3 instances" in refusal(await infer(running, [tensor("a", [1], shape=[4])]), 413)
        assert "more than the 3 instances" in refusal(await infer(running, [tensor("x", [1], shape=[2**40, 2])]), 413)


async def test_a_large_body_is_cut_off():
    async with serve(limits=Limits(max_body_bytes=1000)) as running:
        assert "1000 bytes" in refusal(await infer(running, [tensor("a", [1.5] * 400)]), 413)


async def test_many_rows_are_scored_on_a_thread_and_count_as_concurrent():
    """Few values do not make few rows: one column of twenty is no matter for the event loop."""
    model = Held()
    async with serve({1: model}, limits=Limits(max_concurrency=1)) as running:
        large = asyncio.create_task(infer(running, [tensor("a", [1.0] * 20)]))
        await happens(model.entered)
        assert (await running.get("/v2/health/live")).status == 200
        assert "all that are allowed" in refusal(await infer(running, [tensor("a", [1.0])]), 429)
        assert (await running.predict([{"a": 1}])).status == 429
        model.release.set()
        assert len(read(await large)) == 20


async def test_an_output_that_is_not_finite_is_refused():
    async with serve({1: make_model(math.inf)}) as running:
        answer = await infer(running, [tensor("a", [-1, 9])])
        assert "instance 0: the model's output is not a finite number" in refusal(answer, 422)


@pytest.mark.slow
async def test_scores_are_those_of_the_booster_bit_for_bit():
    generator = np.random.default_rng(7)
    rows = generator.normal(size=(300, 4))
    booster = lgb.train(
        {"objective": "binary", "verbose": -1, "num_leaves": 7},
        lgb.Dataset(rows, (rows.sum(axis=1) > 0).astype(float), feature_name=list("abcd")),
        num_boost_round=10,
    )
    model = LightGBMModel(booster.model_to_string(), make_model(1, 2, 3, 4).features)
    async with serve({1: model}) as running:
        for count in (1, 3, 300):
            expected = booster.predict(rows[:count]).tolist()
            columns = [tensor(name, rows[:count, i].tolist()) for i, name in enumerate("abcd")]
            assert read(await infer(running, columns)) == expected
            matrix = tensor("x", rows[:count].tolist(), shape=[count, 4])
            assert read(await infer(running, [matrix])) == expected
