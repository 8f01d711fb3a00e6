"""The sidecar from the shell: what is sent, and what its answers mean."""

import json

import pytest

from scoreline.cli import main
from scoreline.cli.predict import EXPLAINED_PER_REQUEST, ROWS_PER_REQUEST, ask
from scoreline.client import Predictions, Problem, RowError
from scoreline.client.errors import InvalidRows, NotSent
from scoreline.errors import ConfigError, InvalidInstances
from scoreline.features import Feature, FeatureSet
from scoreline.http.predict.explanations import MOST_EXPLAINED
from scoreline.schemas.json_rows import JsonRows
from tests.client.scripted import answering, refusing, scripted

STUB_ANSWER = {"predictions": [0.5], "model": "m", "version": 3, "latency_ms": 0.25}


def predicted(values, **beside):
    return Predictions(tuple(values), "m", 3, 1.0, **beside)


def refused(errors):
    return InvalidRows(Problem(422, "urn:scoreline:problem:invalid-instances", "Bad", "bad rows", errors=errors))


class FakeSidecar:
    """Scores a row by its field `a`."""

    def __init__(self):
        self.sizes = []

    def predict(self, instances, version=None, *, key=None, ignore_unknown=False, explain=None):
        self.sizes.append(len(instances))
        bad = [RowError(i, "is null", "a") for i, row in enumerate(instances) if row["a"] is None]
        if bad:
            raise refused(bad)
        return predicted(row["a"] for row in instances)


def test_many_rows_are_asked_for_in_pieces_and_stay_in_order():
    sidecar = FakeSidecar()
    found = list(ask(sidecar, ((n, {"a": n * 2}) for n in range(1, 2502)), None))

    assert sidecar.sizes == [ROWS_PER_REQUEST, ROWS_PER_REQUEST, 501]
    assert [p["prediction"] for p in found] == [n * 2 for n in range(1, 2502)]
    assert found[2499] == {"row": 2500, "prediction": 5000, "model": "m", "version": 3}


def test_predictions_are_there_as_soon_as_they_have_come():
    """However many rows there are, no more than one request's are held."""
    sidecar = FakeSidecar()
    found = ask(sidecar, ((n, {"a": n}) for n in range(10**9)), None)

    assert [next(found)["prediction"] for _ in range(ROWS_PER_REQUEST + 1)] == list(range(ROWS_PER_REQUEST + 1))
    assert sidecar.sizes == [ROWS_PER_REQUEST] * 2


def test_a_bad_row_is_told_by_its_line_not_by_its_place_in_a_request():
    rows = [(n + 1, {"a": None if n == 1500 else n}) for n in range(1, 2000)]

    with pytest.raises(ConfigError, match=r"^row 1501: a: is null$"):
        list(ask(FakeSidecar(), rows, None))


def test_a_number_that_json_does_not_have_is_told_by_its_line_too():
    class Careful:
        def predict(self, instances, **_):
            raise NotSent("the instances cannot be sent", [RowError(1, "expected a finite number", "a")])

    with pytest.raises(ConfigError, match=r"^row 8: a: expected a finite number$"):
        list(ask(Careful(), [(7, {"a": 1}), (8, {"a": float("nan")})], None))


class StrictSidecar:
    """Knows the feature `a` alone; reads rows as the real one does."""

    def __init__(self):
        self.asked = []

    def predict(self, instances, version=None, *, key=None, ignore_unknown=False, explain=None):
        self.asked.append(instances)
        rows = JsonRows(FeatureSet([Feature("a")]), ignore_unknown=ignore_unknown)
        try:
            matrix = rows.decode(json.dumps({"instances": instances}).encode(), max_instances=10_000)
        except InvalidInstances as error:
            raise refused([RowError(p.instance, p.detail, p.feature) for p in error.problems]) from error
        return predicted(matrix[:, 0].tolist())


def test_a_column_that_the_model_does_not_know_is_one_line_for_all_rows():
    rows = [(n + 2, {"a": 1, "id": n}) for n in range(1000)]

    with pytest.raises(ConfigError) as caught:
        list(ask(StrictSidecar(), rows, None))
    assert caught.value.problems == ("rows 2, 3, 4 and 997 more: the model has no feature 'id'",)


def test_such_a_column_is_skipped_on_demand():
    (found,) = ask(StrictSidecar(), [(1, {"a": 1.5, "id": 7})], None, ignore_unknown=True)

    assert found["prediction"] == 1.5


def test_columns_that_are_only_for_the_stream_are_left_out_once_the_model_does_not_know_them():
    sidecar = StrictSidecar()
    rows = [(n, {"a": n, "id": n}) for n in range(1500)]
    found = list(ask(sidecar, rows, None, spare={"id", "at"}))

    assert [p["prediction"] for p in found] == list(range(1500))
    assert [row.keys() for row in (asked[0] for asked in sidecar.asked)] == [{"a", "id"}, {"a"}, {"a"}]


def test_other_columns_are_refused_beside_those():
    with pytest.raises(ConfigError, match=r"^row 1: the model has no feature 'b'$"):
        list(ask(StrictSidecar(), [(1, {"a": 1, "b": 2, "id": 3})], None, spare={"id"}))


def test_a_spare_column_that_the_model_knows_is_sent():
    sidecar = StrictSidecar()
    list(ask(sidecar, [(1, {"a": 1})], None, spare={"a"}))

    assert sidecar.asked == [[{"a": 1}]]


def test_labels_and_scores_stand_beside_the_prediction():
    class MultiClass:
        def predict(self, instances, version=None, *, key=None, ignore_unknown=False, explain=None):
            return predicted([1.0], labels=("late",), scores=((0.2, 0.8),))

    (found,) = ask(MultiClass(), [(1, {})], None)
    assert found == {
        "row": 1, "prediction": 1.0, "label": "late", "scores": (0.2, 0.8), "model": "m", "version": 3,
    }  # fmt: skip


def test_the_command_prints_what_came_back(monkeypatch, capsys):
    monkeypatch.setenv("SCORELINE_HTTP_TOKENS", "predict:t")
    with scripted(*[answering(200, STUB_ANSWER)] * 2) as server:
        assert main(["predict", "a=1", "--url", server.url]) == 0
        assert capsys.readouterr().out.split() == ["row", "prediction", "1", "0.5"]
        assert server.asked[-1].headers["authorization"] == "Bearer t"
        assert main(["predict", "a=1", "--url", server.url, "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"row": 1, "prediction": 0.5, "model": "m", "version": 3}


@pytest.fixture
def many_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n' * (ROWS_PER_REQUEST + 1))
    return str(path)


def test_objects_are_printed_before_a_later_request_fails(many_rows, capsys):
    first = STUB_ANSWER | {"predictions": [0.5] * ROWS_PER_REQUEST}
    with scripted(answering(200, first), refusing(422, "too-late")) as server:
        assert main(["predict", many_rows, "--url", server.url, "--json"]) == 2

    printed = capsys.readouterr()
    assert [json.loads(line)["row"] for line in printed.out.splitlines()] == list(range(1, ROWS_PER_REQUEST + 1))
    assert "too-late" in printed.err


@pytest.mark.parametrize("said", [[], ["--key", "mine"]])
def test_all_rows_go_with_one_key_so_that_a_route_gives_them_one_version(said, many_rows):
    first = STUB_ANSWER | {"predictions": [0.5] * ROWS_PER_REQUEST}
    with scripted(answering(200, first), answering(200, STUB_ANSWER), answering(200, STUB_ANSWER)) as server:
        assert main(["predict", many_rows, "--url", server.url, *said]) == 0
        assert main(["predict", "a=1", "--url", server.url, *said]) == 0

    first, second, other = (asked.headers["x-request-key"] for asked in server.asked)
    assert first == second
    assert (other == first) == bool(said)
    assert not said or first == "mine"


EXPLAINED = {
    **STUB_ANSWER,
    "explanations": [
        {"base": 0.123456, "features": [{"feature": "a", "contribution": 2.0}, {"feature": "b", "contribution": -1e-9}]}
    ],
}


def test_the_command_prints_what_features_contributed(capsys):
    with scripted(*[answering(200, EXPLAINED)] * 2) as server:
        assert main(["predict", "a=1", "--url", server.url, "--explain", "2"]) == 0
        header, line = capsys.readouterr().out.splitlines()
        assert main(["predict", "a=1", "--url", server.url, "--explain", "2", "--json"]) == 0

    assert header.split() == ["row", "prediction", "base", "contributions"]
    assert line.split(maxsplit=3) == ["1", "0.5", "0.1235", "a +2, b -1e-09"]
    assert server.asked[0].path == "/predict?explain=2"
    assert json.loads(capsys.readouterr().out)["explanation"] == EXPLAINED["explanations"][0]


def test_explanations_are_asked_for_no_more_at_a_time_than_are_given():
    sidecar = FakeSidecar()
    list(ask(sidecar, ((n, {"a": n}) for n in range(2 * EXPLAINED_PER_REQUEST + 1)), None, explain=1))

    assert sidecar.sizes == [EXPLAINED_PER_REQUEST, EXPLAINED_PER_REQUEST, 1]
    assert EXPLAINED_PER_REQUEST == MOST_EXPLAINED


def test_a_model_that_cannot_be_explained_is_told_as_such(capsys):
    with scripted(refusing(422, "not-explainable")) as server:
        assert main(["predict", "a=1", "--url", server.url, "--explain", "1"]) == 2
    assert "because of not-explainable" in capsys.readouterr().err


def test_no_explanation_of_nothing_can_be_asked_for():
    with scripted() as server:
        assert main(["predict", "a=1", "--url", server.url, "--explain", "0"]) == 2
    assert server.asked == []


def test_bad_rows_are_bad_arguments(capsys):
    errors = [{"instance": 0, "feature": "a", "detail": "is null"}]
    with scripted(refusing(422, "invalid-instances", errors)) as server:
        assert main(["predict", "a=null", "--url", server.url]) == 2
    assert "row 1: a: is null" in capsys.readouterr().err


@pytest.mark.slow
def test_nobody_there_is_something_that_is_missing(capsys):
    with scripted() as server:
        url = server.url
    assert main(["predict", "a=1", "--url", url]) == 3
    assert "does not answer" in capsys.readouterr().err


def test_resume_asks_the_sidecar_with_the_token_of_an_administrator(monkeypatch, capsys):
    monkeypatch.setenv("SCORELINE_HTTP_TOKENS", "predict:p,admin:a")
    with scripted(answering(200, {"resumed": True})) as server:
        assert main(["resume", "--url", server.url]) == 0

    (asked,) = server.asked
    assert (asked.path, asked.headers["authorization"], asked.json) == ("/stream/resume", "Bearer a", {})
    assert "window" in capsys.readouterr().out
