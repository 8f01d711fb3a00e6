"""How a version, its files and the alias are tampered with, and the cure."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from scoreline.models.golden import decode_golden, encode_golden
from scoreline.models.manifest import GOLDEN, MODEL, Manifest
from scoreline.models.store import ModelStore
from tests.models.builders import put_version, train

NAME, ALIAS = "tiny", "production"
GOOD, BAD = 1, 2
SHAPE, OTHER = "pandas", "quantile"
PADDING = 4 * 1024 * 1024

Tamper = Callable[[ModelStore], None]
"""Makes version 2 of a store, and something wrong with it; the alias is moved to it afterwards, unless it is there."""


def folder(store: ModelStore) -> Path:
    return Path(store.url) / NAME


def manifest_path(store: ModelStore) -> Path:
    return folder(store) / "versions" / f"{BAD}.json"


def rewrite(path: Path, data: bytes) -> None:
    """Published files may be read-only; who tampers with them does not ask."""
    path.unlink()
    path.write_bytes(data)


def repeat_first(store: ModelStore, **changes: Any) -> Manifest:
    """Version 2 around the blobs of version 1, which has been probed already."""
    return store.add_version(replace(store.manifest(NAME, GOOD), **changes))


def publish_text(change: Callable[[bytes], bytes]) -> Tamper:
    """Version 2 is version 1 with a changed model text, whose size and sha256 are right."""

    def tamper(store: ModelStore) -> None:
        first = store.manifest(NAME, GOOD)
        blob = store.add_blob(NAME, change(store.read_blob(NAME, first.blobs[MODEL])))
        repeat_first(store, blobs={**first.blobs, MODEL: blob})

    return tamper


def damage(role: str, change: Callable[[bytes], bytes]) -> Tamper:
    """Version 2 is another model; the content of one of its blobs is changed where it lies."""

    def tamper(store: ModelStore) -> None:
        path = folder(store) / "blobs" / put_version(store, NAME, train(OTHER)).blobs[role].sha256
        rewrite(path, change(path.read_bytes()))

    return tamper


def lose(role: str) -> Tamper:
    return lambda store: (folder(store) / "blobs" / put_version(store, NAME, train(OTHER)).blobs[role].sha256).unlink()


def hide(path_of: Callable[[ModelStore], Path]) -> Tamper:
    """A folder is where a file should be."""

    def tamper(store: ModelStore) -> None:
        path = path_of(store)
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)

    return tamper


def put_other_blob(store: ModelStore) -> Path:
    return folder(store) / "blobs" / put_version(store, NAME, train(OTHER)).blobs[MODEL].sha256


def put_repeated(store: ModelStore) -> Path:
    repeat_first(store)
    return manifest_path(store)


def edit(change: Callable[[dict[str, Any]], object], *, checksum: bool) -> Tamper:
    """The manifest of version 2 is edited, and its checksum made anew or not."""

    def tamper(store: ModelStore) -> None:
        content = msgspec.json.decode(put_repeated(store).read_bytes())
        told = content.pop("checksum")
        change(content)
        anew = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
        content["checksum"] = anew if checksum else told
        rewrite(manifest_path(store), msgspec.json.encode(content))

    return tamper


def edit_bytes(change: Callable[[bytes], bytes]) -> Tamper:
    def tamper(store: ModelStore) -> None:
        path = put_repeated(store)
        rewrite(path, change(path.read_bytes()))

    return tamper


def edit_golden(change: Callable[[dict[str, Any]], object]) -> Tamper:
    """Version 2 has other golden rows, whose size and sha256 are right."""

    def tamper(store: ModelStore) -> None:
        first = store.manifest(NAME, GOOD)
        content = msgspec.json.decode(store.read_blob(NAME, first.blobs[GOLDEN]))
        change(content)
        blob = store.add_blob(NAME, msgspec.json.encode(content))
        repeat_first(store, blobs={**first.blobs, GOLDEN: blob})

    return tamper


def publish_golden(data: bytes) -> Tamper:
    def tamper(store: ModelStore) -> None:
        first = store.manifest(NAME, GOOD)
        repeat_first(store, blobs={**first.blobs, GOLDEN: store.add_blob(NAME, data)})

    return tamper


def write_alias(data: bytes) -> Tamper:
    """Somebody has written the alias's next entry by hand."""
    return lambda store: next_entry(store).write_bytes(data) and None


def next_entry(store: ModelStore) -> Path:
    return folder(store) / "aliases" / ALIAS / f"{len(store.history(NAME, ALIAS)) + 1}.json"


def entry(**content: Any) -> bytes:
    return msgspec.json.encode({"version": BAD, "set_at": "2026-01-02T03:04:05+00:00", "by": "hand", **content})


def die_before_the_manifest(store: ModelStore) -> None:
    """What a publisher leaves that was killed just before it had committed: blobs, and half a manifest beside."""
    path = put_repeated(store)
    path.rename(path.with_name(".0123456789abcdef0123456789abcdef.tmp"))
    write_alias(entry())(store)


def delete_version(store: ModelStore) -> None:
    repeat_first(store)
    store.delete(NAME, BAD, by="tests")
    write_alias(entry())(store)


def golden_of_another(store: ModelStore) -> None:
    """Scores that differ in the ninth digit: no accident of another processor."""
    first = store.manifest(NAME, GOOD)
    data = store.read_blob(NAME, first.blobs[GOLDEN])
    golden = decode_golden(data, features=len(first.features), outputs=1, classes=False)
    blob = store.add_blob(NAME, encode_golden(replace(golden, scores=golden.scores * (1 + 1e-8))))
    repeat_first(store, blobs={**first.blobs, GOLDEN: blob})


def flip(data: bytes) -> bytes:
    """One bit of the byte in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def kill_the_parser(text: bytes) -> bytes:
    """A weight that is no number: no prediction needs it, so our reading lets it pass, and LightGBM's parser aborts."""
    at = text.index(b"leaf_weight=") + len(b"leaf_weight=")
    return text[:at] + b"[" + text[at + 1 :]


def lead_out_of_the_tree(text: bytes) -> bytes:
    """A child that there is not, for which LightGBM would read foreign memory."""
    at = text.index(b"left_child=") + len(b"left_child=")
    return text[:at] + b"9" + text[at + 1 :]


def swap_level_lists(text: bytes) -> bytes:
    """`pandas_categorical` with the first list backwards."""
    start = text.rindex(b"pandas_categorical:")
    lists = msgspec.json.decode(text[start:].partition(b":")[2])
    lists[0].reverse()
    return text[:start] + b"pandas_categorical:" + msgspec.json.encode(lists) + b"\n"


def inflate(text: bytes) -> bytes:
    """So long that the memory which a child is left for it in `tests.models.faults.OUT_OF_MEMORY` is too little."""
    return text.replace(b"\nparameters:\n", b"\nparameters:\n[input_model: " + b"x" * PADDING + b"]\n", 1)


def make_store(store: ModelStore) -> Manifest:
    """Version 1, which is good, under the alias."""
    manifest = put_version(store, NAME, train(SHAPE))
    store.set_alias(NAME, ALIAS, GOOD, by="tests")
    return manifest


def move_alias(store: ModelStore, tamper: Tamper) -> None:
    """Do what is wrong, and have the alias mean it."""
    tamper(store)
    if not next_entry_is_there(store):
        next_entry(store).write_bytes(entry())


def next_entry_is_there(store: ModelStore) -> bool:
    """Whether the fault is of the alias, which means something new already."""
    return (folder(store) / "aliases" / ALIAS / "2.json").exists()


def cure(store: ModelStore, expected: Manifest) -> int:
    """A good version, and the alias moved to it as an operator does it; its number."""
    number = store.add_version(expected).version
    store.set_alias(NAME, ALIAS, number, by="tests")
    return number
