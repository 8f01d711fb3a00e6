"""The Open Inference Protocol, spoken by a client that nobody here wrote: tritonclient, with JSON."""

import asyncio
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferenceServerException, InferInput, InferRequestedOutput

from scoreline.features import Feature, Kind
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.sidecars import make_model, serve

pytestmark = pytest.mark.slow

MIXED = WeightedSum(
    [
        Feature("temp"),
        Feature("carrier", Kind.CATEGORICAL, levels=("UA", "AÄ")),
        Feature("holiday", Kind.BOOLEAN, nullable=False),
        Feature("seats", Kind.INTEGER),
    ],
    [1.0, 10.0, 100.0, 1000.0],
)
VERSIONS = FixedVersions(
    {
        1: make_model(1.0, 10.0),
        2: MIXED,
        3: make_model(1.0, 10.0, classes=("low", "mid", "high")),
    },
    {"production": 1},
)


@pytest.fixture(scope="module")
def url():
    """One sidecar for all of them, on a loop of its own: the client blocks."""
    ready, found = threading.Event(), []

    async def run():
        stop = asyncio.Event()
        async with serve(VERSIONS) as running:
            found.extend([f"127.0.0.1:{running.server.port}", asyncio.get_running_loop(), stop])
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    found[1].call_soon_threadsafe(found[2].set)
    thread.join()


@contextmanager
def connect(url):
    client = InferenceServerClient(url)
    try:
        yield client
    finally:
        client.close()


def make_input(name, values, datatype):
    made = InferInput(name, list(values.shape), datatype)
    return made.set_data_from_numpy(values, binary_data=False)


def ask_for(*names):
    return [InferRequestedOutput(name, binary_data=False) for name in names]


def test_server_and_models_are_live_and_ready(url):
    with connect(url) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("model")
        assert client.is_model_ready("model", "2")
        assert client.is_model_ready("model", "latest")
        assert not client.is_model_ready("model", "9")
        assert not client.is_model_ready("another")


def test_metadata_tells_of_server_and_model(url):
    with connect(url) as client:
        assert client.get_server_metadata()["name"] == "scoreline"
        model = client.get_model_metadata("model", "2")
    assert model["inputs"] == [
        {"name": "temp", "datatype": "FP64", "shape": [-1]},
        {"name": "carrier", "datatype": "BYTES", "shape": [-1]},
        {"name": "holiday", "datatype": "BOOL", "shape": [-1]},
        {"name": "seats", "datatype": "INT64", "shape": [-1]},
    ]
    assert model["outputs"] == [{"name": "predict", "datatype": "FP64", "shape": [-1]}]


def test_columns_of_every_sort_are_scored(url):
    inputs = [
        make_input("temp", np.array([0.5, 1.5], dtype=np.float32), "FP32"),
        make_input("carrier", np.array(["UA", "AÄ"], dtype=object), "BYTES"),
        make_input("holiday", np.array([True, False]), "BOOL"),
        make_input("seats", np.array([[1], [2]]), "INT64"),
    ]
    with connect(url) as client:
        result = client.infer("model", inputs, model_version="2", request_id="mine", outputs=ask_for("predict"))
    assert result.get_response()["id"] == "mine"
    assert result.get_response()["model_version"] == "2"
    assert result.as_numpy("predict").tolist() == [1100.5, 2011.5]


def test_one_matrix_is_scored_with_the_same_bits(url):
    rows = np.random.default_rng(5).normal(size=(40, 2))
    with connect(url) as client:
        result = client.infer("model", [make_input("input-0", rows, "FP64")])
    assert np.array_equal(result.as_numpy("predict"), rows @ np.array([1.0, 10.0]))


def test_a_multi_class_model_gives_labels_and_scores(url):
    columns = [make_input("a", np.array([2.0, -2.0]), "FP64"), make_input("b", np.zeros(2), "FP64")]
    with connect(url) as client:
        everything = client.infer("model", columns, model_version="3")
        result = client.infer("model", columns, model_version="3", outputs=ask_for("scores", "label"))
    assert everything.as_numpy("predict").tolist() == [2.0, 0.0]
    assert everything.as_numpy("label").tolist() == ["high", "low"]
    assert result.as_numpy("predict") is None
    assert result.as_numpy("scores").tolist() == [[2.0, 4.0, 6.0], [-2.0, -4.0, -6.0]]


def test_the_client_shows_what_was_wrong(url):
    with connect(url) as client:
        with pytest.raises(InferenceServerException, match=r"\[422\].*instance 0, 'z': the model has no feature 'z'"):
            client.infer("model", [make_input("z", np.zeros(1), "FP64")])
        with pytest.raises(InferenceServerException, match=r"\[404\].*the model that is served here is 'model'"):
            client.get_model_metadata("another")
        with pytest.raises(InferenceServerException, match=r"\[404\]"):
            client.get_model_repository_index()


def test_binary_tensors_are_refused_with_the_reason(url):
    binary = InferInput("a", [1], "FP64").set_data_from_numpy(np.zeros(1), binary_data=True)
    with connect(url) as client:
        with pytest.raises(InferenceServerException, match=r"\[415\].*not in the protocol's binary extension"):
            client.infer("model", [binary])
        with pytest.raises(InferenceServerException, match=r"\[415\].*without binary_data"):
            client.infer("model", [make_input("a", np.zeros(1), "FP64")], outputs=[InferRequestedOutput("predict")])
        assert client.infer("model", [make_input("a", np.ones(1), "FP64")]).as_numpy("predict").tolist() == [1.0]
