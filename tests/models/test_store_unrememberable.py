"""What a store answers does not depend on what this machine can remember, and callers do not fill its disk."""

import errno
from pathlib import Path

import pytest

from scoreline.errors import ModelNotFound, Unavailable
from scoreline.models.store import memory
from tests.models.remembered_stores import World, ask_everything, publish


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    publish(world)
    return world


def kept(world):
    return sorted(path for path in (world.folder / "cache").rglob("*") if path.is_file())


def fail_with(error):
    def fail(*_):
        raise error

    return fail


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [FULL, PermissionError(errno.EACCES, "Permission denied")])
def test_a_cache_that_cannot_be_written_spoils_no_answer_and_is_told_of_once(world, monkeypatch, error):
    monkeypatch.setattr(memory, "replace_file", fail_with(error))
    for _ in range(2):
        assert world.seen.alias("flights", "production").only == 1
        assert world.seen.manifest("flights", 1).version == 1
        assert world.seen.names() == ("flights",)
    ((kind, detail),) = world.told.events
    assert kind == "not remembered"
    assert error.strerror in detail
    assert "SCORELINE_CACHE_DIR" in detail


def test_a_file_in_the_place_of_the_cache_spoils_no_answer(world):
    (world.folder / "cache").write_bytes(b"")
    known = ask_everything(world.seen)
    assert known[0] == ("flights",)
    assert [kind for kind, _ in world.told.events] == ["not remembered"]
    world.objects.error = Unavailable("gone")
    with pytest.raises(Unavailable, match="gone"):
        world.seen.alias("flights", "production")


def test_a_new_trouble_after_something_was_kept_is_told_anew(world, monkeypatch):
    for _ in range(2):
        with monkeypatch.context() as full:
            full.setattr(memory, "replace_file", fail_with(FULL))
            publish(world)
            world.seen.versions("flights")
        world.seen.versions("flights")
    assert [kind for kind, _ in world.told.events] == ["not remembered"] * 2


def test_names_that_are_not_there_leave_nothing_on_the_disk(world):
    ask_everything(world.seen)
    before = kept(world)
    for number in range(20):
        with pytest.raises(ModelNotFound):
            world.seen.alias("flights", f"nope-{number}")
        with pytest.raises(ModelNotFound):
            world.seen.latest(f"nope-{number}")
    assert kept(world) == before


def test_what_is_no_longer_there_is_corrected(world):
    world.seen.aliases("flights")
    history = Path(world.url, "flights", "aliases", "production")
    history.rename(world.folder / "taken away")
    assert world.seen.aliases("flights") == {}
    world.restart_without_store()
    assert world.seen.aliases("flights") == {}


def test_a_model_without_a_version_does_not_hide_the_others_while_the_store_is_away(world):
    """Its publisher was killed before the manifest."""
    world.store.add_blob("delays", b"content")
    assert world.seen.names() == ("flights",)
    world.restart_without_store()
    assert world.seen.names() == ("flights",)
