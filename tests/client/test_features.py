"""Which features a row may have: of a version, or of all that answer an alias."""

import msgspec
import pytest

from scoreline.client.errors import NotFound, NotSent, UnreadableAnswer
from scoreline.client.exchange import Reply
from scoreline.client.reading import read_answering, read_features
from scoreline.features import Feature
from scoreline.models.inspection import Output
from scoreline.models.manifest import Blob, Manifest
from scoreline.models.routes import Route
from tests.client.scripted import answering, refusing, scripted


def tell_version(number, *names):
    return answering(200, {"version": number, "features": [{"name": name, "kind": "numeric"} for name in names]})


ROUTE = {"weights": {"3": 90, "4": 10}, "shadows": [5]}


@pytest.mark.parametrize("version", [7, "7"])
def test_a_version_is_asked_for_its_own(connect, version):
    with scripted(tell_version(7, "b", "a")) as server:
        assert connect(server.url).features(version=version) == ("b", "a")

    assert [asked.path for asked in server.asked] == ["/models/7"]


def test_without_a_version_they_are_those_of_the_one_that_is_live(connect):
    live = answering(200, {"live": {"alias": "production", "version": 3}, "versions": []})
    with scripted(live, tell_version(3, "a")) as server:
        assert connect(server.url).features() == ("a",)

    assert [asked.path for asked in server.asked] == ["/models", "/models/3"]


def test_of_a_route_they_are_those_of_all_that_answer(connect):
    """A feature that only another version of it knows is skipped and no reason to refuse a row."""
    route = answering(200, {"name": "m", "alias": "canary", **ROUTE})
    with scripted(route, tell_version(3, "a", "b"), tell_version(4, "b", "c")) as server:
        assert connect(server.url).features(version="canary") == ("a", "b", "c")

    assert [asked.path for asked in server.asked] == ["/models/canary", "/models/3", "/models/4"]


def test_what_there_is_not_has_none(connect):
    with scripted(refusing(404, "unknown-version")) as server:
        client = connect(server.url)
        with pytest.raises(NotFound):
            client.features(version="latest")
        with pytest.raises(NotSent, match="expected a version"):
            client.features(version="..")
        assert len(server.asked) == 1


@pytest.mark.parametrize("told", [{}, {"live": {}}, {"live": {"weights": 7}}, {"live": {"version": "x"}}])
def test_what_tells_of_no_version_is_an_error(connect, told):
    with scripted(answering(200, told)) as server, pytest.raises(UnreadableAnswer, match="not shaped"):
        connect(server.url).features()


def test_it_reads_what_the_service_writes():
    manifest = Manifest(
        name="m", version=3, created="", by="", format="lightgbm", blobs={"model": Blob.of(b"x")}, output=Output.VALUE,
        objective="", features=(Feature("b"), Feature("a")),
    )  # fmt: skip
    told = Reply(200, {}, msgspec.json.encode(manifest))

    assert (read_features(told), read_answering(told)) == (("b", "a"), (3,))
    for route in (Route.to(3), Route.of({3: 1}, (4,)), Route.of({3: 1, 4: 9})):
        assert read_answering(Reply(200, {}, msgspec.json.encode(route.to_json()))) == route.answering
