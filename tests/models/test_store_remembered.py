"""What a service still knows of its store while that is away, and what it does not pretend to know."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from scoreline.errors import ModelNotFound, ModelRejected, Refused, Unavailable
from scoreline.features import Feature
from scoreline.models.cache import ModelCache
from scoreline.models.live import LiveVersions
from scoreline.models.loading import VersionLoader
from scoreline.models.model import ModelVersion
from scoreline.models.store import ModelStore, RememberedStore
from scoreline.models.store.fsspec_objects import FsspecObjects
from scoreline.models.store.recalling import PAUSE_SECONDS
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import MANIFEST, put_version, train, trusting_cache
from tests.models.remembered_stores import World, ask_everything, publish


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_what_was_asked_before_is_answered_by_the_next_process_without_the_store(world):
    publish(world)
    publish(world, alias="canary")
    known = ask_everything(world.seen)
    world.restart_without_store()
    assert ask_everything(world.seen) == known
    assert world.seen.outage.detail == "gone"
    assert world.told.events == [("away", "gone")]


def test_without_a_memory_a_store_that_is_away_is_unavailable(world):
    publish(world)
    world.restart_without_store()
    for ask in (world.seen.names, lambda: world.seen.alias("flights", "production")):
        with pytest.raises(Unavailable, match="gone"):
            ask()


def test_memory_proves_nothing_missing(world):
    """A version that was published since would be a dead letter `unknown_version` otherwise."""
    publish(world)
    ask_everything(world.seen)
    world.objects.error = Unavailable("gone")
    for ask in (
        lambda: world.seen.find("flights", 7),
        lambda: world.seen.manifest("flights", 7),
        lambda: world.seen.alias("flights", "canary"),
        lambda: world.seen.latest("delays"),
    ):
        with pytest.raises(Unavailable, match="gone"):
            ask()
    world.objects.error = None
    world.seen.refresh()
    for ask in (lambda: world.seen.find("flights", 7), lambda: world.seen.alias("flights", "canary")):
        with pytest.raises(ModelNotFound):
            ask()


def test_what_the_store_has_answered_is_not_papered_over(world):
    publish(world)
    publish(world)
    ask_everything(world.seen)
    world.store.delete("flights", 1, by="you")
    with pytest.raises(ModelNotFound, match="no version 1"):
        world.seen.manifest("flights", 1)
    world.objects.error = Unavailable("gone")
    assert world.seen.versions("flights") == (2,)


def test_a_manifest_that_was_tampered_with_is_rejected_although_a_good_one_is_remembered(world):
    publish(world)
    ask_everything(world.seen)
    path = Path(world.url, "flights", "versions", "1.json")
    path.write_bytes(path.read_bytes().replace(b'"tests"', b'"someone"').replace(b"me", b"you"))
    with pytest.raises(ModelRejected, match="checksum"):
        world.seen.manifest("flights", 1)


def test_a_store_that_is_back_is_asked_again(world):
    publish(world)
    ask_everything(world.seen)
    world.objects.error = Unavailable("gone")
    assert world.seen.alias("flights", "production").only == 1
    publish(world)
    world.objects.error = None
    world.now += PAUSE_SECONDS
    assert world.seen.alias("flights", "production").only == 1
    world.seen.refresh()
    assert world.seen.alias("flights", "production").only == 2
    assert world.seen.outage is None
    assert world.told.events == [("away", "gone"), ("back", "gone")]


def test_who_can_be_answered_from_memory_never_waits_for_a_store_that_is_known_to_be_away(world):
    """Each try might take as long as its time-outs, and the stream's thread asks again and again."""
    publish(world)
    ask_everything(world.seen)
    world.objects.error = Unavailable("gone")
    asked = world.objects.asked
    for _ in range(3):
        ask_everything(world.seen)
        world.now += 2 * PAUSE_SECONDS
    assert world.objects.asked == asked + 1
    world.seen.refresh()
    assert world.objects.asked == asked + 2
    assert world.told.events == [("away", "gone")]


def test_what_memory_lacks_is_asked_for_once_a_pause(world):
    blob = world.store.add_blob("flights", b"content")
    publish(world)
    ask_everything(world.seen)
    world.objects.error = Unavailable("gone")
    ask_everything(world.seen)
    asked = world.objects.asked
    for expected in (asked, asked + 1):
        for _ in range(3):
            with pytest.raises(Unavailable, match="gone"):
                world.seen.read_blob("flights", blob)
        assert world.objects.asked == expected
        world.now += PAUSE_SECONDS
    world.objects.error = None
    assert world.seen.read_blob("flights", blob) == b"content"
    assert world.seen.outage is None


def test_whether_the_store_is_back_is_found_out_by_what_it_did_not_answer(world):
    """Else a store that has lost one file would be away and back at every look."""
    publish(world)
    ask_everything(world.seen)
    read = world.objects.read

    def read_badly(file):
        raise Unavailable(f"{file}: input/output error")

    world.objects.read = read_badly
    for _ in range(3):
        world.seen.refresh()
        assert world.seen.alias("flights", "production").only == 1
    assert [kind for kind, _ in world.told.events] == ["away"]
    world.objects.read = read
    world.seen.refresh()
    assert world.seen.outage is None


def test_a_store_that_answers_is_not_asked_whether_it_does(world):
    publish(world)
    ask_everything(world.seen)
    asked = world.objects.asked
    world.seen.refresh()
    assert world.objects.asked == asked


def test_a_look_at_the_alias_finds_the_store_back(world):
    publish(world)
    cache = ModelCache(world.folder / "cache")
    version = ModelVersion("flights", 1, "a", WeightedSum([Feature("x")], [1.0]))
    versions = LiveVersions(
        world.seen, "flights", "production", cache=cache, load=lambda _, number: replace(version, version=number)
    )
    world.objects.error = Unavailable("gone")
    assert versions.follow() is False
    assert versions.outage == "gone"
    publish(world)
    world.objects.error = None
    assert versions.follow() is True
    assert versions.live.only.version == 2
    assert versions.outage is None


def test_an_outage_is_told_of_once_with_its_beginning(world):
    publish(world)
    ask_everything(world.seen)
    world.objects.error = Unavailable("gone")
    for _ in range(3):
        ask_everything(world.seen)
        world.now += PAUSE_SECONDS
    assert world.seen.outage.began == 100.0
    assert len(world.told.events) == 1


def test_an_alias_means_what_was_read_last_where_its_newest_entry_was_only_seen(world):
    """The store went away between the list and the file."""
    publish(world)
    ask_everything(world.seen)
    publish(world)
    read = world.objects.read

    def go_away(file):
        world.objects.error = Unavailable("gone")
        return read(file)

    world.objects.read = go_away
    with pytest.raises(Unavailable):
        world.seen.alias("flights", "production")
    world.restart_without_store()
    assert world.seen.alias("flights", "production").only == 1


def test_a_store_that_refuses_at_the_start_says_why_and_memory_does_not_answer(world):
    publish(world)
    ask_everything(world.seen)
    world.restart_without_store(Refused("wrong password"))
    with pytest.raises(Refused, match="wrong password"):
        world.seen.alias("flights", "production")
    assert world.told.events == []


def test_a_store_that_refuses_while_serving_is_as_good_as_away(world):
    """A password that expires at night is a line in the log."""
    publish(world)
    known = ask_everything(world.seen)
    world.objects.error = Refused("the password has expired")
    assert ask_everything(world.seen) == known
    assert world.told.events == [("away", "the password has expired")]


def test_writes_always_go_to_the_store(world):
    publish(world)
    ask_everything(world.seen)
    world.objects.error = Unavailable("gone")
    with pytest.raises(Unavailable, match="gone"):
        world.seen.set_alias("flights", "canary", 1, by="me")
    world.objects.error = None
    world.now += PAUSE_SECONDS
    world.seen.set_alias("flights", "canary", 1, by="me")
    assert world.store.alias("flights", "canary").only == 1


def test_a_memory_that_was_damaged_is_as_good_as_none(world):
    publish(world)
    ask_everything(world.seen)
    for path in (world.folder / "cache").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"!")
    world.restart_without_store()
    with pytest.raises(Unavailable, match="gone"):
        world.seen.alias("flights", "production")


def test_what_is_known_already_is_not_written_again(world):
    publish(world)
    ask_everything(world.seen)
    written = {path: path.stat().st_ino for path in (world.folder / "cache").rglob("*")}
    ask_everything(world.seen)
    assert {path: path.stat().st_ino for path in (world.folder / "cache").rglob("*")} == written


def test_two_stores_are_remembered_apart(world, tmp_path, monkeypatch):
    """Also where both are called by the same relative name."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        store = ModelStore("models")
        store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
        if name == "one":
            assert RememberedStore("models", tmp_path / "cache").alias("flights", "production").only == 1
    monkeypatch.setattr(FsspecObjects, "list", lambda *_: (_ for _ in ()).throw(Unavailable("gone")))
    with pytest.raises(Unavailable):
        RememberedStore("models", tmp_path / "cache").alias("flights", "production")
    monkeypatch.chdir(tmp_path / "one")
    assert RememberedStore("models", tmp_path / "cache").alias("flights", "production").only == 1


def test_blobs_are_not_remembered_twice(world):
    blob = world.store.add_blob("flights", b"content")
    assert world.seen.read_blob("flights", blob) == b"content"
    assert not any(path.name == blob.sha256 for path in (world.folder / "cache").rglob("*"))
    world.objects.error = Unavailable("gone")
    with pytest.raises(Unavailable):
        world.seen.read_blob("flights", blob)


def test_a_service_starts_from_the_cache_and_loads_a_pinned_version(world):
    trained = train("binary")
    manifests = [put_version(world.store, "tiny", trained) for _ in range(2)]
    world.store.set_alias("tiny", "production", 2, by="me")
    cache = trusting_cache(world.folder / "cache", *manifests)
    for version in (1, 2):
        VersionLoader(world.seen, cache).load("tiny", version)
    LiveVersions(world.seen, "tiny", "production", cache=cache)
    shutil.rmtree(world.url)
    world.restart_without_store()
    versions = LiveVersions(world.seen, "tiny", "production", cache=ModelCache(world.folder / "cache"))
    assert versions.live.only.version == 2
    assert versions.resolve("1").only.version == 1
    with pytest.raises(Unavailable):
        versions.resolve("3")
    assert versions.follow() is False
    assert world.seen.outage is not None


def test_who_finds_out_whether_the_store_is_back_is_waited_for_by_nobody(world):
    publish(world)
    ask_everything(world.seen)
    world.objects.error = Unavailable("gone")
    ask_everything(world.seen)
    list_, answers = world.objects.list, []

    def list_slowly(folder=""):
        answers.append(world.seen.versions("flights"))  # another caller, while this one waits for the store
        return list_(folder)

    world.objects.list = list_slowly
    asked = world.objects.asked
    world.seen.refresh()
    assert answers == [(1,)]
    assert world.objects.asked == asked + 1
    assert world.seen.outage.detail == "gone"
