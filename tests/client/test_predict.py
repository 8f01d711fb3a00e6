"""What is sent for predictions, and what comes back."""

import json
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from scoreline.client import Contribution, Explanation, Predictions, RowError
from scoreline.client.errors import (
    Conflict,
    Denied,
    Expired,
    InvalidRequest,
    InvalidRows,
    NotFound,
    NotSent,
    Overloaded,
    UnreadableAnswer,
    Unserved,
)
from tests.client.scripted import answering, refusing, scripted, write_answer

ANSWER = {"predictions": [0.5], "model": "m", "version": 3, "latency_ms": 0.25}


def test_rows_are_sent_as_they_are_and_the_answer_is_a_value(connect):
    with scripted(answering(200, ANSWER, X_Request_Id="r-7")) as server:
        found = connect(server.url).predict([{"a": 1.5, "b": "UA", "c": None}])

    assert found == Predictions((0.5,), "m", 3, 0.25, request_id="r-7")
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/predict")
    assert asked.json == {"instances": [{"a": 1.5, "b": "UA", "c": None}]}
    assert asked.headers["content-type"] == "application/json"
    assert "authorization" not in asked.headers
    assert "x-request-key" not in asked.headers


def test_what_is_asked_for_stands_in_query_and_headers(connect):
    with scripted(answering(200, ANSWER)) as server:
        connect(f"{server.url}/models/delays/", token="t").predict(
            [{}], version="a b", key="Zoë", ignore_unknown=True, explain=3
        )

    (asked,) = server.asked
    assert asked.path == "/models/delays/predict?version=a+b&ignore_unknown=true&explain=3"
    assert asked.headers["authorization"] == "Bearer t"
    assert asked.headers["x-request-key"].encode("latin-1").decode() == "Zoë"


def test_classes_and_explanations_stand_beside_predictions(connect):
    told = {
        "predictions": [1.0], "labels": ["late"], "scores": [[0.2, 0.8]],
        "explanations": [{"base": 0.5, "features": [{"feature": "a", "contribution": -0.25}]}],
        "model": "m", "version": 3, "latency_ms": 1, "new": "what a newer sidecar tells",
    }  # fmt: skip
    with scripted(answering(200, told)) as server:
        found = connect(server.url).predict([{}], explain=1)

    assert found.labels == ("late",)
    assert found.scores == ((0.2, 0.8),)
    assert found.explanations == (Explanation(0.5, (Contribution("a", -0.25),)),)


def test_times_decimals_and_scalars_of_numpy_are_sent_as_what_they_mean(connect):
    row = {"on": date(2026, 3, 1), "d": Decimal("1.5"), "f": np.float32(0.5), "i": np.int64(7), "b": np.bool_(1)}
    with scripted(answering(200, ANSWER)) as server:
        connect(server.url).predict([row])

    assert server.asked[0].json["instances"] == [{"on": "2026-03-01", "d": "1.5", "f": 0.5, "i": 7, "b": True}]


def test_what_json_cannot_hold_is_not_sent_and_told_by_row_and_feature(connect):
    rows = [{"a": 1}, {"a": {1}}, {"a": 1, "b": float("nan")}, {"a": np.float64("inf")}]
    with scripted() as server, pytest.raises(NotSent, match="instance 1, a: JSON cannot hold a set") as caught:
        connect(server.url).predict(rows)

    assert server.asked == []
    assert [(error.instance, error.feature) for error in caught.value.errors] == [(1, "a"), (2, "b"), (3, "a")]
    assert caught.value.errors[1].detail == "expected a finite number, but it is nan; None is a missing value"


def test_what_are_no_rows_at_all_the_sidecar_judges(connect):
    with scripted(refusing(422, "invalid-instances")) as server, pytest.raises(InvalidRequest):
        connect(server.url).predict([7])

    assert server.asked[0].json == {"instances": [7]}


@pytest.mark.parametrize("key", ["", " a", "a ", "a\r\nX: y", "a\x00"])
def test_a_key_that_a_header_would_not_carry_as_it_is_is_not_sent(connect, key):
    with scripted() as server, pytest.raises(NotSent, match="the key: expected printable text"):
        connect(server.url).predict([{}], key=key)

    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequest), (413, InvalidRequest), (415, InvalidRequest), (401, Denied), (403, Denied),
        (404, NotFound), (409, Conflict), (410, Expired), (429, Overloaded), (500, Unserved), (503, Unserved),
    ],
)  # fmt: skip
def test_each_status_has_its_error_with_the_sidecars_words(connect, status, error):
    with scripted(refusing(status, "some-reason")) as server, pytest.raises(error, match="some-reason") as caught:
        connect(server.url).predict([{}])

    assert type(caught.value) is error
    assert (caught.value.status, caught.value.type) == (status, "urn:scoreline:problem:some-reason")
    assert caught.value.detail == "because of some-reason"
    assert caught.value.request_id == "r-1"
    assert len(server.asked) == 1


def test_bad_rows_are_told_with_instance_and_feature(connect):
    told = [{"instance": 1, "feature": "a", "detail": "is null"}, {"instance": 2, "detail": "is no object"}]
    with scripted(refusing(422, "invalid-instances", told)) as server, pytest.raises(InvalidRows) as caught:
        connect(server.url).predict([{}, {}, {}])

    assert caught.value.errors == (RowError(1, "is null", "a"), RowError(2, "is no object"))


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"errors": [7]}'])
def test_a_refusal_of_something_else_is_told_by_its_status(connect, body):
    with scripted(answering(418, body)) as server, pytest.raises(InvalidRequest, match="HTTP status 418") as caught:
        connect(server.url).predict([{}])

    assert caught.value.type == "about:blank"
    assert caught.value.request_id is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"predictions": 7, "model": "m", "version": 1, "latency_ms": 1}']
)
def test_a_success_that_no_sidecar_gives_is_an_error(connect, body):
    with scripted(answering(200, body)) as server, pytest.raises(UnreadableAnswer):
        connect(server.url).predict([{}])


def test_a_request_is_not_sent_on_to_where_an_answer_points(connect):
    """It would take the token along."""
    with scripted(answering(307, b"", Location="http://elsewhere/")) as server:
        with pytest.raises(UnreadableAnswer, match=r"307 to 'http://elsewhere/'"):
            connect(server.url, token="t").predict([{}])
        assert len(server.asked) == 1


def test_what_is_no_http_is_an_error(connect):
    def babble(turn):
        turn.take()
        turn.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        turn.cut()

    with scripted(babble) as server, pytest.raises(UnreadableAnswer, match="does not answer as a sidecar does"):
        connect(server.url).predict([{}])


def test_many_rows_come_back_to_the_bit(connect):
    rng = np.random.default_rng(7)
    values = rng.normal(size=5000).tolist()
    with scripted(answering(200, ANSWER | {"predictions": values})) as server:
        found = connect(server.url).predict([{"a": value} for value in values])

    assert list(found.predictions) == values
    assert [row["a"] for row in json.loads(server.asked[0].body)["instances"]] == values


def test_a_body_that_is_refused_while_it_is_sent_is_told_as_such(connect):
    """It stops sending and reads the answer."""

    def refuse(turn):
        turn.note()
        turn.send(write_answer(413, {"title": "Too large", "detail": "8388608 bytes are allowed"}))
        turn.linger()

    with scripted(refuse) as server:
        with pytest.raises(InvalidRequest, match="8388608 bytes are allowed"):
            connect(server.url).predict([{"a": "x" * 20_000_000}])
        assert len(server.asked) == 1
