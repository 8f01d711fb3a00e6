"""The sidecar from the shell: what is sent, and what its answers mean."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from scoreline.cli import main
from scoreline.cli.predict import EXPLAINED_PER_REQUEST, ROWS_PER_REQUEST, ask, find_url, read_arguments, read_value
from scoreline.cli.sidecar import Sidecar
from scoreline.config.settings import Settings
from scoreline.errors import (
    ConfigError,
    InstanceProblem,
    InvalidInstances,
    ModelNotFound,
    Overloaded,
    Refused,
    Unavailable,
)
from scoreline.features import Feature, FeatureSet
from scoreline.http.explanations import MOST_EXPLAINED
from scoreline.schemas.json_rows import JsonRows


class StubSidecar:
    """An HTTP server that gives one answer to everything, and notes what it was asked."""

    def __init__(self):
        self.status, self.body = 200, b'{"predictions": [0.5], "model": "m", "version": 3}'
        self.requests = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.requests.append((self.path, self.headers.get("Authorization"), json.loads(body)))
                self.send_response(stub.status)
                self.send_header("Content-Length", str(len(stub.body)))
                self.end_headers()
                self.wfile.write(stub.body)

            def log_message(self, *_):
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def problem(self, status, **members):
        self.status, self.body = status, json.dumps({"title": "Problem", **members}).encode()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def stub():
    server = StubSidecar()
    yield server
    server.close()


def test_a_request_carries_rows_version_and_token(stub):
    answer = Sidecar(stub.url + "/", token="t").predict([{"a": 1}], "a b")

    assert answer["predictions"] == [0.5]
    assert stub.requests == [("/predict?version=a+b", "Bearer t", {"instances": [{"a": 1}]})]


def test_unknown_features_are_skipped_by_the_query(stub):
    Sidecar(stub.url).predict([{}], "3", ignore_unknown=True)

    assert stub.requests[0][0] == "/predict?version=3&ignore_unknown=true"


def test_an_explanation_is_asked_for_by_the_query(stub):
    Sidecar(stub.url).predict([{}], explain=3)

    assert stub.requests[0][0] == "/predict?explain=3"


def test_nothing_is_sent_that_was_not_given(stub):
    Sidecar(stub.url).predict([{}])

    assert stub.requests == [("/predict", None, {"instances": [{}]})]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ConfigError),
        (413, ConfigError),
        (401, Refused),
        (403, Refused),
        (404, ModelNotFound),
        (429, Overloaded),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_a_refusal_becomes_an_error_of_ours_with_its_words(stub, status, error):
    stub.problem(status, detail="because")

    with pytest.raises(error, match="because"):
        Sidecar(stub.url).predict([{}])


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]"])
def test_a_refusal_without_words_is_told_by_its_status(stub, body):
    stub.status, stub.body = 502, body

    with pytest.raises(Unavailable, match="502"):
        Sidecar(stub.url).predict([{}])


def test_bad_rows_keep_their_place(stub):
    stub.problem(422, errors=[{"instance": 1, "feature": "a", "detail": "is null"}, {"instance": 2, "detail": "x"}])

    with pytest.raises(InvalidInstances) as caught:
        Sidecar(stub.url).predict([{}, {}, {}])
    assert caught.value.problems == (InstanceProblem(1, "is null", "a"), InstanceProblem(2, "x"))


def test_an_answer_that_is_no_json_is_no_sidecar(stub):
    stub.body = b"<html>"

    with pytest.raises(Unavailable, match="does not answer as a sidecar does"):
        Sidecar(stub.url).predict([{}])


def test_nobody_there_is_unavailable(stub):
    url = stub.url
    stub.close()

    with pytest.raises(Unavailable, match="refused"):
        Sidecar(url).predict([{}])
    stub._server.socket.close()


def test_only_http_is_spoken():
    with pytest.raises(ConfigError, match="expected http://"):
        Sidecar("file:///etc/passwd")


class FakeSidecar:
    """Scores a row by its field `a`."""

    def __init__(self):
        self.sizes = []

    def predict(self, instances, version=None, *, ignore_unknown=False, explain=None):
        self.sizes.append(len(instances))
        bad = [InstanceProblem(i, "is null", "a") for i, row in enumerate(instances) if row["a"] is None]
        if bad:
            raise InvalidInstances(bad)
        return {"predictions": [row["a"] for row in instances], "model": "m", "version": 3, "latency_ms": 1}


def test_many_rows_are_asked_for_in_pieces_and_stay_in_order():
    sidecar = FakeSidecar()
    found = ask(sidecar, ((n, {"a": n * 2}) for n in range(1, 2502)), None)

    assert sidecar.sizes == [ROWS_PER_REQUEST, ROWS_PER_REQUEST, 501]
    assert [p["prediction"] for p in found] == [n * 2 for n in range(1, 2502)]
    assert found[2499] == {"row": 2500, "prediction": 5000, "model": "m", "version": 3}


def test_a_bad_row_is_told_by_its_line_not_by_its_place_in_a_request():
    rows = [(n + 1, {"a": None if n == 1500 else n}) for n in range(1, 2000)]

    with pytest.raises(ConfigError, match=r"^row 1501: a: is null$"):
        ask(FakeSidecar(), rows, None)


class StrictSidecar:
    """Knows the feature `a` alone; reads rows as the real one does."""

    def __init__(self):
        self.asked = []

    def predict(self, instances, version=None, *, ignore_unknown=False, explain=None):
        self.asked.append(instances)
        rows = JsonRows(FeatureSet([Feature("a")]), ignore_unknown=ignore_unknown)
        matrix = rows.decode(json.dumps({"instances": instances}).encode(), max_instances=10_000)
        return {"predictions": matrix[:, 0].tolist(), "model": "m", "version": 1}


def test_a_column_that_the_model_does_not_know_is_one_line_for_all_rows():
    rows = [(n + 2, {"a": 1, "id": n}) for n in range(1000)]

    with pytest.raises(ConfigError) as caught:
        ask(StrictSidecar(), rows, None)
    assert caught.value.problems == ("rows 2, 3, 4 and 997 more: the model has no feature 'id'",)


def test_such_a_column_is_skipped_on_demand():
    (found,) = ask(StrictSidecar(), [(1, {"a": 1.5, "id": 7})], None, ignore_unknown=True)

    assert found["prediction"] == 1.5


def test_columns_that_are_only_for_the_stream_are_left_out_once_the_model_does_not_know_them():
    sidecar = StrictSidecar()
    rows = [(n, {"a": n, "id": n}) for n in range(1500)]
    found = ask(sidecar, rows, None, spare={"id", "at"})

    assert [p["prediction"] for p in found] == list(range(1500))
    assert [row.keys() for row in (asked[0] for asked in sidecar.asked)] == [{"a", "id"}, {"a"}, {"a"}]


def test_other_columns_are_refused_beside_those():
    with pytest.raises(ConfigError, match=r"^row 1: the model has no feature 'b'$"):
        ask(StrictSidecar(), [(1, {"a": 1, "b": 2, "id": 3})], None, spare={"id"})


def test_a_spare_column_that_the_model_knows_is_sent():
    sidecar = StrictSidecar()
    ask(sidecar, [(1, {"a": 1})], None, spare={"a"})

    assert sidecar.asked == [[{"a": 1}]]


def test_labels_and_scores_stand_beside_the_prediction():
    class MultiClass:
        def predict(self, instances, version=None, *, ignore_unknown=False, explain=None):
            return {
                "predictions": [1.0],
                "labels": ["late"],
                "scores": [[0.2, 0.8]],
                "model": "m",
                "version": 1,
            }

    (found,) = ask(MultiClass(), [(1, {})], None)
    assert found == {
        "row": 1, "prediction": 1.0, "label": "late", "scores": [0.2, 0.8], "model": "m", "version": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5", 3.5),
        ("true", True),
        ("null", None),
        ("UA", "UA"),
        ('"7"', "7"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_values_on_a_command_line_are_json_where_they_can_be(text, value):
    assert read_value(text) == value
    assert type(read_value(text)) is type(value)


def test_pairs_make_one_row():
    assert list(read_arguments(["temp=3.5", "note=a=b"])) == [(1, {"temp": 3.5, "note": "a=b"})]


def test_a_file_of_text_is_read_like_a_command_line(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,UA\n,x\n")

    assert list(read_arguments([str(tmp_path / "rows.csv")])) == [(2, {"a": 1, "b": "UA"}), (3, {"a": None, "b": "x"})]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_without_a_file_standard_input_is_read(arguments, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 1}\n'))

    assert list(read_arguments(arguments)) == [(1, {"a": 1})]


def test_a_mixture_is_refused():
    with pytest.raises(ConfigError, match="name=value for one row, or one file"):
        list(read_arguments(["a=1", "rows.csv"]))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - as it may be configured
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
        ("sidecar", "http://sidecar:8080"),
    ],
)
def test_the_configured_sidecar_is_asked(host, url):
    assert find_url(Settings(http_host=host)) == url


def test_the_command_prints_what_came_back(stub, monkeypatch, capsys):
    monkeypatch.setenv("SCORELINE_HTTP_TOKENS", "predict:t")

    assert main(["predict", "a=1", "--url", stub.url]) == 0
    assert capsys.readouterr().out.split() == ["row", "prediction", "1", "0.5"]
    assert stub.requests[-1][1] == "Bearer t"

    assert main(["predict", "a=1", "--url", stub.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"row": 1, "prediction": 0.5, "model": "m", "version": 3}


EXPLAINED = {
    "predictions": [0.5],
    "explanations": [
        {"base": 0.123456, "features": [{"feature": "a", "contribution": 2.0}, {"feature": "b", "contribution": -1e-9}]}
    ],
    "model": "m",
    "version": 3,
}


def test_the_command_prints_what_features_contributed(stub, capsys):
    stub.body = json.dumps(EXPLAINED).encode()

    assert main(["predict", "a=1", "--url", stub.url, "--explain", "2"]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["row", "prediction", "base", "contributions"]
    assert line.split(maxsplit=3) == ["1", "0.5", "0.1235", "a +2, b -1e-09"]
    assert stub.requests[-1][0] == "/predict?explain=2"

    assert main(["predict", "a=1", "--url", stub.url, "--explain", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["explanation"] == EXPLAINED["explanations"][0]


def test_explanations_are_asked_for_no_more_at_a_time_than_are_given():
    sidecar = FakeSidecar()
    ask(sidecar, ((n, {"a": n}) for n in range(2 * EXPLAINED_PER_REQUEST + 1)), None, explain=1)

    assert sidecar.sizes == [EXPLAINED_PER_REQUEST, EXPLAINED_PER_REQUEST, 1]
    assert EXPLAINED_PER_REQUEST == MOST_EXPLAINED


def test_a_model_that_cannot_be_explained_is_told_as_such(stub, capsys):
    stub.problem(422, detail="its trees are linear")

    assert main(["predict", "a=1", "--url", stub.url, "--explain", "1"]) == 2
    assert "its trees are linear" in capsys.readouterr().err


def test_no_explanation_of_nothing_can_be_asked_for(stub):
    assert main(["predict", "a=1", "--url", stub.url, "--explain", "0"]) == 2
    assert stub.requests == []


def test_bad_rows_are_bad_arguments(stub, capsys):
    stub.problem(422, errors=[{"instance": 0, "feature": "a", "detail": "is null"}])

    assert main(["predict", "a=null", "--url", stub.url]) == 2
    assert "row 1: a: is null" in capsys.readouterr().err


def test_resume_asks_the_sidecar_with_the_token_of_an_administrator(stub, monkeypatch, capsys):
    stub.body = b'{"resumed": true}'
    monkeypatch.setenv("SCORELINE_HTTP_TOKENS", "predict:p,admin:a")

    assert main(["resume", "--url", stub.url]) == 0

    assert stub.requests == [("/stream/resume", "Bearer a", {})]
    assert "window" in capsys.readouterr().out
