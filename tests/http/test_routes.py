import pytest

from scoreline.http.auth import Door
from scoreline.http.errors import MethodNotAllowed, RouteNotFound
from scoreline.http.routes import UNMATCHED, Route, RouteTable
from tests.http.sidecars import PROBLEM_JSON, serve


async def answer(call):
    raise AssertionError("routes are only looked up here")


def make_table() -> RouteTable:
    patterns = [("GET", "/"), ("POST", "/predict"), ("GET", "/jobs"), ("GET", "/jobs/{id}"), ("DELETE", "/jobs/{id}")]
    patterns += [("GET", "/jobs/{id}/rows"), ("POST", "/jobs/{id}/rows/{row}"), ("GET", "/jobs/{id}/rows/{row}/again")]
    return RouteTable([Route(method, pattern, Door.OPEN, answer, "") for method, pattern in patterns])


@pytest.mark.parametrize(
    ("method", "path", "pattern", "parameters"),
    [
        ("GET", "/", "/", ()),
        ("POST", "/predict", "/predict", ()),
        ("GET", "/jobs", "/jobs", ()),
        ("HEAD", "/jobs", "/jobs", ()),
        ("GET", "/jobs/7", "/jobs/{id}", ("7",)),
        ("DELETE", "/jobs/a%2Fb", "/jobs/{id}", ("a/b",)),
        ("HEAD", "/jobs/7/rows", "/jobs/{id}/rows", ("7",)),
        ("POST", "/jobs/7/rows/a%2Fb", "/jobs/{id}/rows/{row}", ("7", "a/b")),
        ("GET", "/jobs/7/rows/8/again", "/jobs/{id}/rows/{row}/again", ("7", "8")),
    ],
)
def test_a_route_is_found_by_method_and_path(method, path, pattern, parameters):
    route, found = make_table().find(method, path)
    assert (route.pattern, found) == (pattern, parameters)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/nope", "/predict/", "/predict/1", "/jobs/", "/jobs/1/2", "//", "*", "/PREDICT"),
        *("/jobs//rows", "/jobs/1/rows/", "/jobs/1/rows/2/", "/jobs/1/rows/2/again/", "/jobs" + "/rows" * 5000),
    ],
)
def test_other_paths_are_not_found(path):
    with pytest.raises(RouteNotFound):
        make_table().find("GET", path)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/predict", "POST"), ("/jobs/7", "GET, HEAD, DELETE"), ("/jobs", "GET, HEAD"), ("/jobs/7/rows/8", "POST")],
)
def test_another_method_is_told_which_ones_are_taken(path, allowed):
    with pytest.raises(MethodNotAllowed) as caught:
        make_table().find("PATCH", path)
    assert caught.value.headers == (("Allow", allowed),)


def test_a_refused_request_is_counted_under_a_bounded_label():
    table = make_table()
    assert table.find_pattern("/jobs/12345") == "/jobs/{id}"
    assert table.find_pattern("/jobs/") == "/jobs/{id}"
    assert table.find_pattern("/jobs/12345/rows/8") == "/jobs/{id}/rows/{row}"
    assert table.find_pattern("/what/ever") == UNMATCHED


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/predict", 405, "/predict"),
        ("PROPFIND", "/predict", 405, "/predict"),
        ("GET", "/nope", 404, UNMATCHED),
        ("OPTIONS", "*", 404, UNMATCHED),
        ("POST", "/models/1", 405, "/models/{version}"),
    ],
)
async def test_wrong_paths_and_methods_are_problems_under_their_route(method, path, status, route):
    async with serve() as running:
        head = await running.say(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert PROBLEM_JSON.encode() in head
        assert b"X-Request-Id: " in head
        assert [(e.route, e.status) for e in running.events] == [(route, status)]
