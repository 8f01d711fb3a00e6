"""Results of jobs as they arrive: in order, each once, over broken connections."""

import contextlib

import pytest

from scoreline.client import Retries, RowError, RowResult
from scoreline.client.errors import Conflict, Unreachable, UnreadableAnswer
from tests.client.jobs import tell_job, tell_rows
from tests.client.scripted import answering, cutting, refusing, scripted, streaming


def tell_ended(rows):
    return answering(200, tell_job("succeeded", rows=rows, rows_done=rows))


def test_rows_come_in_order_from_lines(connect):
    lines = b'{"instance":0,"prediction":0.5}\n\n{"instance":1,"errors":[{"feature":"a","detail":"is null"}]}\n'
    more = b'{"instance":2,"prediction":1.0,"label":"late","scores":[0.2,0.8]}'
    with scripted(tell_ended(3), streaming(lines[:20], lines[20:] + more, b"\n")) as server:
        found = list(connect(server.url).results("j-1"))

    assert found == [
        RowResult(0, 0.5),
        RowResult(1, None, errors=(RowError(1, "is null", "a"),)),
        RowResult(2, 1.0, "late", (0.2, 0.8)),
    ]
    assert [asked.path for asked in server.asked] == ["/batch/j-1", "/batch/j-1/results"]
    assert server.asked[1].headers["accept"] == "application/x-ndjson"


def test_a_broken_connection_is_gone_on_from_by_the_next_row(connect):
    """The line that it broke within is read again, and no row comes twice."""
    torn = tell_rows(0, 4) + b'{"instance": 4, "predi'
    with scripted(
        tell_ended(10), streaming(torn, whole=False), cutting, streaming(tell_rows(4, 7)), streaming(tell_rows(7, 10))
    ) as server:
        found = list(connect(server.url).results("j-1"))

    assert found == [RowResult(i, i / 2) for i in range(10)]
    paths = [asked.path.partition("/results")[2] for asked in server.asked[1:]]
    assert paths == ["", "?offset=4", "?offset=4", "?offset=7"]


def test_reading_may_begin_anywhere(connect):
    with scripted(tell_ended(10), streaming(tell_rows(8, 10)), tell_ended(10)) as server:
        client = connect(server.url)
        assert [row.instance for row in client.results("j-1", offset=8)] == [8, 9]
        assert list(client.results("j-1", offset=10)) == []

    assert [asked.path for asked in server.asked] == ["/batch/j-1", "/batch/j-1/results?offset=8", "/batch/j-1"]


def test_a_job_without_rows_has_no_results(connect):
    with scripted(tell_ended(0)) as server:
        assert list(connect(server.url).results("j-1")) == []


def test_a_sidecar_that_is_away_for_minutes_is_outlasted(connect):
    away = [cutting] * 30 + [refusing(503, Retry_After="20")] * 5
    torn = streaming(tell_rows(0, 2), whole=False)
    with scripted(tell_ended(4), torn, *away, streaming(tell_rows(2, 4))) as server:
        assert len(list(connect(server.url).results("j-1"))) == 4

    assert 200 < sum(connect.watch.slept) < 300


def test_a_sidecar_that_does_not_come_back_is_given_up(connect):
    retries = Retries(longest_outage_seconds=40, draw=lambda: 0.0)
    with scripted(tell_ended(4), streaming(tell_rows(0, 2), whole=False), *[cutting] * 99) as server:
        with pytest.raises(Unreachable):
            list(connect(server.url, retries=retries).results("j-1"))
        assert 10 < len(server.asked) < 30

    assert 35 <= sum(connect.watch.slept) < 40.2


def test_results_that_never_go_on_are_given_up(connect):
    with scripted(tell_ended(5), *[streaming(tell_rows(0, 2))], *[streaming()] * 9) as server:
        with pytest.raises(Unreachable, match="ended before row 2 of 5"):
            list(connect(server.url, retries=Retries(attempts=3)).results("j-1"))
        assert len(server.asked) == 2 + 2


@pytest.mark.parametrize("lines", [b"<html>\n", tell_rows(1, 2), tell_rows(0, 1) * 2, tell_rows(0, 4), b"[]\n"])
def test_what_are_not_the_rows_of_the_job_in_order_is_an_error(connect, lines):
    with scripted(tell_ended(3), streaming(lines)) as server, pytest.raises(UnreadableAnswer, match="row"):
        list(connect(server.url).results("j-1"))


@pytest.mark.parametrize("slug", ["job-not-finished", "no-results"])
def test_a_job_without_results_is_told_as_such(connect, slug):
    with scripted(answering(200, tell_job("running")), refusing(409, slug, Retry_After="1")) as server:
        with pytest.raises(Conflict, match=slug) as caught:
            list(connect(server.url).results("j-1"))
        assert len(server.asked) == 2
    assert caught.value.type.endswith(slug)


def test_whoever_stops_reading_leaves_no_connection_that_gives_the_rest(connect):
    with scripted(tell_ended(3), streaming(tell_rows(0, 3)), answering(200, tell_job())) as server:
        client = connect(server.url)
        with contextlib.closing(client.results("j-1")) as rows:
            assert next(rows).instance == 0
        assert client.job("j-1").rows == 3
        assert server.asked[-1].connection != server.asked[1].connection


def test_a_connection_whose_rows_were_all_read_is_kept(connect):
    with scripted(tell_ended(3), streaming(tell_rows(0, 3)), answering(200, tell_job())) as server:
        client = connect(server.url)
        assert len(list(client.results("j-1"))) == 3
        client.job("j-1")
        assert {asked.connection for asked in server.asked} == {0}
