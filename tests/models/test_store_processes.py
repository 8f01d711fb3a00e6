"""The store's promises across processes, some of which are killed: the slow proof."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scoreline.models.manifest import encode_manifest
from scoreline.models.store import ModelStore
from tests.models.builders import MANIFEST

PUBLISHER = """
import sys
from dataclasses import replace
from pathlib import Path
from scoreline.models.manifest import decode_manifest
from scoreline.models.store import ModelStore
store, publisher = ModelStore(sys.argv[1]), sys.argv[2]
manifest = decode_manifest(Path(sys.argv[4]).read_bytes(), name="flights", version=3)
print("ready", flush=True)
for i in range(int(sys.argv[3])):
    text = f"{publisher} {i} ".encode() * 20_000
    blobs = {"model": store.add_blob("flights", text)}
    version = store.add_version(replace(manifest, by=publisher, blobs=blobs)).version
    store.set_alias("flights", "production", version, by=publisher)
    print(version, flush=True)
"""


def start(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    manifest = folder / "manifest"
    manifest.write_bytes(encode_manifest(MANIFEST))
    arguments = [sys.executable, "-c", PUBLISHER, str(folder / "store"), name, str(count), str(manifest)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def check_whole(store: ModelStore) -> None:
    """Every version that can be seen is whole, and so is every entry of the alias's history."""
    for version in store.versions("flights"):
        manifest = store.manifest("flights", version)
        assert len(store.read_blob("flights", manifest.blobs["model"])) == manifest.blobs["model"].size
    meant = {entry.version for entry in store.history("flights", "production")}
    assert meant <= set(store.versions("flights"))


@pytest.mark.slow
def test_publishing_processes_share_no_number_and_readers_see_nothing_half_done(tmp_path):
    publishers = [start(tmp_path, f"p{i}", 30) for i in range(2)]
    store = ModelStore(str(tmp_path / "store"))
    while any(publisher.poll() is None for publisher in publishers):
        check_whole(store)
    numbers = [int(line) for publisher in publishers for line in publisher.communicate()[0].split()[1:]]
    assert sorted(numbers) == list(range(1, 61))
    assert store.versions("flights") == tuple(range(1, 61))
    assert sorted(entry.version for entry in store.history("flights", "production")) == list(range(1, 61))


@pytest.mark.slow
def test_publishers_that_are_killed_at_any_moment_leave_a_store_that_is_whole(tmp_path):
    chance, store = random.Random(5), ModelStore(str(tmp_path / "store"))
    for i in range(6):
        publisher = start(tmp_path, f"p{i}", 10_000)
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.01, 0.2))  # the moment of the kill is what is varied
        publisher.send_signal(signal.SIGKILL)
        publisher.communicate()
        check_whole(store)
    after = store.versions("flights")
    assert store.add_version(MANIFEST).version == len(after) + 1
    assert after == tuple(range(1, len(after) + 1))
