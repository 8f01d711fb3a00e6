"""The suite that every `ObjectStore` must pass, for pytest: subclass it, and say how a store is opened.

::

    class TestMyStore(ObjectStoreContract):
        @pytest.fixture
        def open_objects(self, tmp_path):
            return lambda: MyObjects(f"mine://{tmp_path}/store")
"""

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from scoreline.errors import ModelNotFound
from scoreline.models.store.objects import ObjectStore

OpenStore = Callable[[], ObjectStore]
"""Opens one and the same place, which is empty when a test begins, as another process would."""

WRITERS = 8
ROUNDS = 5
HASTY_SECONDS = 1e-6
"""Threads take turns so often that one may come between another's look and its write."""

LARGE_BYTES = 1 << 20
FILES = (
    "flights/versions/1.json",
    "flights/versions/1.deleted.json",
    "0.9_a-b.c/aliases/blue-green_2/10.json",
    f"{'n' * 200}/aliases/{'a' * 100}/1.json",
    f"flights/blobs/{'0123456789abcdef' * 4}",
)
"""Names as the model store uses them: dots, dashes, underscores, and as long as they may be."""


class ObjectStoreContract:
    """What the model store relies on. The fixture `open_objects` gives an `OpenStore`."""

    def test_what_is_created_can_be_read_by_whoever_opens_the_store(self, open_objects: OpenStore) -> None:
        """Also by one that was open before."""
        early = open_objects()
        assert open_objects().create("a/b/file", b"content") is True
        assert early.read("a/b/file") == b"content"
        assert open_objects().read("a/b/file") == b"content"

    def test_what_is_there_stays_as_it_is(self, open_objects: OpenStore) -> None:
        """The second to create it is told so, whether it has the same content or another."""
        first, second = open_objects(), open_objects()
        assert first.create("a/file", b"first") is True
        for content in (b"second", b"first", b""):
            assert second.create("a/file", content) is False
        assert first.read("a/file") == b"first"

    def test_of_many_that_create_a_file_at_once_exactly_one_is_told_that_it_has(self, open_objects: OpenStore) -> None:
        """And what is there is what that one wrote."""
        stores = [open_objects() for _ in range(WRITERS)]
        for round_ in range(ROUNDS):
            contents = [b"%d" % writer * 5000 for writer in range(WRITERS)]
            told = _create_at_once(stores, f"race/{round_}", contents)
            assert told.count(True) == 1
            assert stores[0].read(f"race/{round_}") == contents[told.index(True)]

    def test_one_store_may_be_used_by_several_threads(self, open_objects: OpenStore) -> None:
        """As the service does."""
        store = open_objects()
        told = _create_at_once([store] * WRITERS, "race/shared", [b"%d" % writer for writer in range(WRITERS)])
        assert told.count(True) == 1
        assert store.read("race/shared") == b"%d" % told.index(True)

    def test_readers_see_a_file_whole_or_not_at_all(self, open_objects: OpenStore) -> None:
        """However early they look, by its name and by the list of its folder."""
        content = b"0123456789abcdef" * (LARGE_BYTES // 16)
        writer, reader = open_objects(), open_objects()
        with ThreadPoolExecutor(1) as pool:
            for number in range(ROUNDS):
                file = f"large/{number}"
                writing = pool.submit(writer.create, file, content)
                while not writing.done():
                    if str(number) in reader.list("large"):
                        assert reader.read(file) == content
                    assert _read_if_there(reader, file) in (None, content)
                assert writing.result() is True
                assert reader.read(file) == content

    def test_a_list_has_what_was_created_before_and_folders_above_it(self, open_objects: OpenStore) -> None:
        """Seen at once, by every store that is open on the place: each number that is taken has to look taken."""
        early, writer = open_objects(), open_objects()
        for number in range(12):
            assert writer.create(f"m/versions/{number}.json", b"{}") is True
            expected = [f"{each}.json" for each in range(number + 1)]
            assert sorted(_without_hidden(early.list("m/versions"))) == sorted(expected)
        assert _without_hidden(early.list("m")) == ["versions"]
        assert _without_hidden(early.list()) == ["m"]

    def test_a_folder_that_is_not_there_is_empty(self, open_objects: OpenStore) -> None:
        """Also beside one that is there and begins with the same letters."""
        store = open_objects()
        assert store.list() == []
        assert store.list("flights/versions") == []
        store.create("flights/versions-of-old/1.json", b"{}")
        assert store.list("flights/versions") == []

    def test_a_file_that_is_not_there_is_not_found(self, open_objects: OpenStore) -> None:
        """In an empty store, beside another file, and where the name is that of a folder's beginning."""
        store = open_objects()
        for _ in range(2):
            with pytest.raises(ModelNotFound):
                store.read("flights/versions/1.json")
            store.create("flights/versions/11.json", b"{}")

    @pytest.mark.parametrize("file", FILES)
    def test_every_name_that_the_model_store_uses_is_possible(self, open_objects: OpenStore, file: str) -> None:
        """Created, read and listed under the very name."""
        folder, _, name = file.rpartition("/")
        store = open_objects()
        assert store.create(file, b"content") is True
        assert store.read(file) == b"content"
        assert _without_hidden(store.list(folder)) == [name]

    @pytest.mark.parametrize("content", [b"", b"\x00\xff\r\n\n", bytes(range(256)) * (LARGE_BYTES // 256)])
    def test_contents_come_back_byte_by_byte(self, open_objects: OpenStore, content: bytes) -> None:
        """Empty, binary, and as large as a model."""
        store = open_objects()
        assert store.create("blobs/content", content) is True
        assert store.read("blobs/content") == content
        assert store.create("blobs/content", content) is False


def _create_at_once(stores: Sequence[ObjectStore], file: str, contents: Sequence[bytes]) -> list[bool]:
    start = threading.Barrier(len(stores))

    def create(store: ObjectStore, content: bytes) -> bool:
        start.wait()
        return store.create(file, content)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(HASTY_SECONDS)
    try:
        with ThreadPoolExecutor(len(stores)) as pool:
            return list(pool.map(create, stores, contents))
    finally:
        sys.setswitchinterval(usual)


def _read_if_there(store: ObjectStore, file: str) -> bytes | None:
    try:
        return store.read(file)
    except ModelNotFound:
        return None


def _without_hidden(names: Sequence[str]) -> list[str]:
    """What writers have under way may be seen, as long as its name cannot be taken for one of the model store's."""
    return [name for name in names if not name.startswith(".")]
