"""What is tried again, when, and what is not."""

from email.utils import formatdate

import pytest

from scoreline.client import Retries
from scoreline.client.errors import NotFound, Overloaded, Unreachable, Unserved
from scoreline.client.retries import read_retry_after
from tests.client.jobs import tell_job
from tests.client.scripted import answering, cutting, refusing, scripted

ANSWER = {"predictions": [0.5], "model": "m", "version": 3, "latency_ms": 0.25}


def test_a_broken_connection_is_tried_again_with_growing_pauses(connect):
    with scripted(cutting, cutting, cutting, answering(200, ANSWER)) as server:
        found = connect(server.url).predict([{}])

    assert found.predictions == (0.5,)
    assert connect.watch.slept == [0.1, 0.2, 0.4]
    assert len({asked.body for asked in server.asked}) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_asked_to_come_back_later_does_not_come_earlier(connect, status):
    with scripted(refusing(status, Retry_After="3"), answering(200, ANSWER)) as server:
        connect(server.url).predict([{}])

    assert connect.watch.slept == [3.0]


def test_callers_that_failed_together_do_not_come_back_together():
    pauses = {Retries(draw=lambda draw=draw: draw).find_pause(3) for draw in (0.0, 0.5, 0.99)}

    assert len(pauses) == 3
    assert all(0.2 <= pause <= 0.4 for pause in pauses)
    assert Retries(draw=lambda: 0.5).find_pause(1, 2.0) > 2.0


def test_what_does_not_pass_by_itself_is_not_tried_again(connect):
    """A sidecar says when to come back wherever it knows that waiting helps."""
    with scripted(refusing(503, "no-live-model")) as server:
        with pytest.raises(Unserved, match="no-live-model"):
            connect(server.url).predict([{}])
        assert len(server.asked) == 1


def test_what_a_gateway_says_may_pass(connect):
    with scripted(answering(502, b"<html>"), answering(503, b""), answering(200, ANSWER)) as server:
        assert connect(server.url).predict([{}]).version == 3


def test_attempts_have_a_bound(connect):
    with scripted(*[refusing(503, Retry_After="0")] * 9) as server:
        with pytest.raises(Unserved):
            connect(server.url, retries=Retries(attempts=4)).predict([{}])
        assert len(server.asked) == 4


def test_nobody_sleeps_beyond_the_deadline(connect):
    """The last failure comes at once where the next attempt would be too late anyway."""
    with scripted(refusing(429, Retry_After="4"), refusing(429, Retry_After="4")) as server:
        with pytest.raises(Overloaded) as caught:
            connect(server.url, timeout_seconds=5.0).predict([{}])
        assert len(server.asked) == 2
    assert connect.watch.slept == [4.0]
    assert caught.value.retry_after_seconds == 4.0


def test_who_is_asked_to_come_back_in_an_hour_gives_up(connect):
    with scripted(refusing(503, Retry_After="3600")) as server:
        with pytest.raises(Unserved):
            connect(server.url, timeout_seconds=1e6).predict([{}])
        assert len(server.asked) == 1
    assert connect.watch.slept == []


def test_a_client_that_was_never_answered_gives_up_sooner(connect):
    """A wrong address is told soon; what was there once may well come back."""
    retries = Retries(first_attempts=2, draw=lambda: 0.0)
    with scripted(cutting, cutting, answering(200, ANSWER), *[cutting] * 7, answering(200, ANSWER)) as server:
        client = connect(server.url, retries=retries, timeout_seconds=60.0)
        with pytest.raises(Unreachable):
            client.predict([{}])
        assert len(server.asked) == 2
        client.predict([{}])
        client.predict([{}])


def test_who_sends_rows_is_not_kept_waiting_for_longer_than_the_timeout(connect):
    """An upload has no deadline as a whole, but a pause of a minute would seem to be its end."""
    with scripted(*[refusing(503, Retry_After="60")] * 2) as server:
        with pytest.raises(Unserved):
            connect(server.url, timeout_seconds=30.0).submit([{}])
        assert len(server.asked) == 1
    assert connect.watch.slept == []


def test_orders_are_sent_once(connect):
    """Nobody knows what became of the first, and a second window may not be meant."""
    with scripted(cutting, answering(200, b"{}")) as server:
        with pytest.raises(Unreachable):
            connect(server.url).resume_stream()
        assert [(asked.method, asked.path) for asked in server.asked] == [("POST", "/stream/resume")]


@pytest.mark.parametrize("call", ["job", "cancel"])
def test_reading_and_cancelling_are_tried_again(connect, call):
    with scripted(cutting, answering(200, tell_job())) as server:
        assert getattr(connect(server.url), call)("j-1").job_id == "j-1"
        assert len(server.asked) == 2


def test_what_is_not_there_is_not_asked_for_again(connect):
    with scripted(refusing(404, "unknown-job")) as server:
        with pytest.raises(NotFound):
            connect(server.url).job("j-1")
        assert len(server.asked) == 1


def test_nobody_there_is_told_as_such(connect):
    with scripted() as server:
        url = server.url
    with pytest.raises(Unreachable, match="does not answer"):
        connect(url).health()
    assert sum(connect.watch.slept) < 5.0 < sum(connect.watch.slept) * 2 + 0.1


def test_an_answer_that_does_not_come_is_given_up(connect):
    with (
        scripted(lambda turn: (turn.take(), turn.read_line())) as server,
        pytest.raises(Unreachable, match=r"within 0\.05 s"),
    ):
        connect(server.url, timeout_seconds=0.05, retries=Retries(attempts=1)).predict([{}])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None), ("7", 7.0), ("0", 0.0), ("soon", None), ("-1", None),
        (formatdate(1030, usegmt=True), 30.0), (formatdate(10, usegmt=True), 0.0),
    ],
)  # fmt: skip
def test_when_to_come_back_is_a_number_or_a_date(text, seconds):
    assert read_retry_after(text, lambda: 1000.0) == seconds
