"""A store whose file system is not mounted is away: what it looks like then is no answer."""

from pathlib import Path

import pytest

from scoreline.errors import ModelNotFound, Unavailable
from scoreline.models.store import RememberedStore
from tests.models.remembered_stores import World, ask_everything, publish


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    publish(world)
    return world


def unmount(world, leave=None):
    """Take the folder away; a mount point that is left is empty, but for what somebody may have put there."""
    Path(world.url).rename(world.folder / "unmounted")
    if leave is not None:
        Path(world.url).mkdir()
        for name in leave:
            Path(world.url, name).write_bytes(b"")


def mount(world):
    for file in Path(world.url).glob("*"):
        file.unlink()
    (world.folder / "unmounted").rename(world.url)


LEFT = [None, (), (".nfs-goes-here", "lost+found")]


@pytest.mark.parametrize("leave", LEFT)
def test_an_unmount_while_serving_changes_no_answer_and_its_return_is_found(world, leave):
    known = ask_everything(world.seen)
    unmount(world, leave)
    assert ask_everything(world.seen) == known
    with pytest.raises(Unavailable, match=r"store is gone or empty, .* is it mounted\?"):
        world.seen.find("flights", 7)
    assert [kind for kind, _ in world.told.events] == ["away"]
    world.seen.refresh()
    assert ask_everything(world.seen) == known
    mount(world)
    publish(world)
    world.seen.refresh()
    assert world.seen.alias("flights", "production").only == 2
    assert [kind for kind, _ in world.told.events] == ["away", "back"]


@pytest.mark.parametrize("leave", LEFT)
def test_a_start_while_it_is_unmounted_has_what_was_known(world, leave):
    known = ask_everything(world.seen)
    unmount(world, leave)
    for _ in range(2):
        world.restart()
        assert ask_everything(world.seen) == known
        assert "is it mounted?" in world.seen.outage.detail
    mount(world)
    world.restart()
    assert ask_everything(world.seen) == known
    assert world.seen.outage is None


def test_it_is_enough_that_an_alias_was_read(world):
    """As by a service that is told which model to serve: it never lists them."""
    world.seen.alias("flights", "production")
    unmount(world)
    world.restart()
    assert world.seen.alias("flights", "production").only == 1
    with pytest.raises(Unavailable, match="mounted"):
        world.seen.names()


def test_a_file_that_was_listed_is_not_missing_because_of_an_unmount(world):
    ask_everything(world.seen)
    blob = world.store.add_blob("flights", b"content")
    unmount(world)
    with pytest.raises(Unavailable, match="mounted"):
        world.seen.read_blob("flights", blob)


def test_a_memory_that_cannot_be_kept_does_not_make_an_unmount_an_answer(world):
    (world.folder / "cache").write_bytes(b"")
    assert world.seen.versions("flights") == (1,)
    unmount(world)
    with pytest.raises(Unavailable, match="mounted"):
        world.seen.find("flights", 1)


def test_a_store_that_never_had_anything_has_no_model(tmp_path):
    store = RememberedStore(str(tmp_path / "store"), tmp_path / "cache")
    for _ in range(2):
        assert store.names() == ()
        with pytest.raises(ModelNotFound, match="no model 'flights'"):
            store.latest("flights")
        (tmp_path / "store").mkdir(exist_ok=True)
    assert store.outage is None


def test_what_was_never_there_costs_one_question_more(world):
    world.seen.names()
    asked = world.objects.asked
    with pytest.raises(ModelNotFound):
        world.seen.alias("flights", "nope")
    world.seen.versions("flights")
    assert world.objects.asked == asked + 4  # the alias and the models, the latest version for the message, versions
