"""What is particular about S3, against a real HTTP endpoint: errors by their name, conflicts, answers that get lost."""

import socket
import time

import pytest

from scoreline.errors import ModelNotFound, Refused, Unavailable
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore, RememberedStore
from scoreline.models.store.fsspec_objects import FsspecObjects
from scoreline.models.store.s3 import open_files
from scoreline.testing.s3_server import Fault, Moment
from tests.models.builders import MANIFEST

pytestmark = pytest.mark.slow


@pytest.fixture
def objects(s3):
    return FsspecObjects(s3.url)


def ways_to_ask(objects):
    return (lambda: objects.list("a"), lambda: objects.read("a/b"), lambda: objects.create("a/b", b"x"))


def fail_always(status, code):
    return lambda call, moment: Fault(status, code)


def fail_once(method, moment, fault):
    """Interferes with the first request of its kind; `.calls` counts them all."""

    def interfere(call, at):
        if call.method != method or at is not moment:
            return None
        interfere.calls += 1
        return fault if interfere.calls == 1 else None

    interfere.calls = 0
    return interfere


def test_a_store_on_s3_keeps_models(s3):
    store = ModelStore(s3.url)
    blob = store.add_blob("flights", b"content")
    assert store.add_blob("flights", b"content") == blob
    assert [store.add_version(MANIFEST).version for _ in range(2)] == [1, 2]
    store.set_alias("flights", "production", 2, by="me")
    again = ModelStore(s3.url)
    assert (again.names(), again.versions("flights"), again.aliases("flights")) == (
        ("flights",),
        (1, 2),
        {"production": Route.to(2)},
    )
    assert again.read_blob("flights", blob) == b"content"


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (403, "SignatureDoesNotMatch"), (400, "ExpiredToken"), (400, "InvalidToken")],
)
def test_what_s3_refuses_is_refused_with_its_code(s3, objects, status, code):
    s3.server.interfere = fail_always(status, code)
    for ask in ways_to_ask(objects):
        with pytest.raises(Refused, match=rf"{s3.url} refuses: .*{code}"):
            ask()


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (409, "Whatever")])
def test_what_passes_is_unavailable(s3, objects, status, code):
    s3.server.interfere = fail_always(status, code)
    for ask in ways_to_ask(objects):
        with pytest.raises(Unavailable, match=f"cannot be reached: .*{code}"):
            ask()


def test_a_fault_that_passes_at_once_is_not_noticed(s3, objects):
    s3.server.interfere = fail_once("GET", Moment.HALF_READ, Fault(503, "ServiceUnavailable"))
    assert objects.list("a") == []
    assert s3.server.interfere.calls > 1


def test_a_bucket_that_is_missing_comes_with_what_to_do(s3):
    for ask in ways_to_ask(FsspecObjects("s3://no-such-bucket/models")):
        with pytest.raises(Refused, match=r"no such bucket; create it, or name another: SCORELINE_MODEL_STORE=s3://"):
            ask()


def test_a_file_that_is_missing_is_not_found(objects):
    with pytest.raises(ModelNotFound, match="models/a/b"):
        objects.read("a/b")


def test_without_credentials_it_is_said_how_to_give_them(s3, objects, monkeypatch):
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    for ask in ways_to_ask(FsspecObjects(s3.url)):
        with pytest.raises(Refused, match="no credentials; set AWS_ACCESS_KEY_ID"):
            ask()


def test_an_endpoint_that_is_no_url_is_refused(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(Refused, match="nonsense"):
        FsspecObjects(s3.url).list()


def test_a_bucket_of_an_impossible_name_is_refused(s3):
    with pytest.raises(Refused, match="A_b!"):
        FsspecObjects("s3://A_b!/models").list()


def test_an_endpoint_that_nobody_listens_on_is_unavailable(s3, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        for ask in ways_to_ask(FsspecObjects(s3.url)):
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
                ask()


def test_an_endpoint_that_does_not_answer_is_given_up_in_time(s3, monkeypatch):
    """Twice the time to read, and what lies between the tries; s3fs alone would take minutes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr("scoreline.models.store.s3.READ_SECONDS", 0.3)
        monkeypatch.setattr("scoreline.models.store.s3.CONNECT_SECONDS", 0.2)
        for ask in ways_to_ask(FsspecObjects(s3.url)):
            began = time.monotonic()
            with pytest.raises(Unavailable, match=r"timeout|has not taken"):
                ask()
            assert 0.6 <= time.monotonic() - began < 8


def test_what_the_user_says_of_time_outs_and_tries_goes_before(s3, monkeypatch):
    import fsspec

    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"read_timeout": 77}})
    files, _ = open_files(s3.url)
    client = files.s3.meta.config
    assert (client.read_timeout, client.connect_timeout) == (77, 3)
    assert client.retries["total_max_attempts"] == 4
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    files, _ = open_files(s3.url)
    assert files.s3.meta.config.retries["total_max_attempts"] == 2


def test_a_write_whose_answer_is_lost_is_known_again(s3, objects):
    """The second try is told that the file is there: it is one's own."""
    s3.server.interfere = fail_once("PUT", Moment.DONE, Fault(500, "InternalError"))
    assert objects.create("m/versions/1.json", b"mine") is True
    assert s3.server.interfere.calls == 2
    s3.server.stop_interfering()
    assert objects.create("m/versions/1.json", b"mine") is False
    assert objects.read("m/versions/1.json") == b"mine"


def test_a_write_that_meets_another_one_is_tried_again(s3, objects):
    s3.server.interfere = fail_once("PUT", Moment.HALF_READ, Fault(409, "ConditionalRequestConflict"))
    assert objects.create("a/b", b"x") is True
    assert s3.server.interfere.calls == 2


def test_conflicts_without_end_are_given_up(s3, objects):
    s3.server.interfere = fail_always(409, "ConditionalRequestConflict")
    with pytest.raises(Unavailable, match="conflict 10 times"):
        objects.create("a/b", b"x")


def test_a_large_blob_goes_in_parts_and_only_once(s3, objects, monkeypatch):
    """As one of more than 100 MB would."""
    pipe = objects._files.pipe_file
    monkeypatch.setattr(objects._files, "pipe_file", lambda *a, **k: pipe(*a, **k, chunksize=5 << 20))
    first, second = (bytes([n]) * (11 << 20) for n in range(2))
    assert objects.create("blobs/x", first) is True
    assert objects.create("blobs/x", second) is False
    assert objects.read("blobs/x") == first


def test_a_store_on_s3_is_remembered_by_its_endpoint(s3, tmp_path, monkeypatch):
    """A bucket of the same name elsewhere is another store."""
    store = ModelStore(s3.url)
    store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
    assert RememberedStore(s3.url, tmp_path).alias("flights", "production").only == 1
    s3.server.interfere = fail_always(503, "SlowDown")
    again = RememberedStore(s3.url, tmp_path)
    assert again.alias("flights", "production").only == 1
    assert "SlowDown" in again.outage.detail
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Unavailable):
            RememberedStore(s3.url, tmp_path).alias("flights", "production")
