import errno
import subprocess
import sys
from pathlib import Path

import pytest

from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models import cache as cache_module
from scoreline.models.cache import ModelCache
from scoreline.models.manifest import Blob

DATA = b"content"
BLOB = Blob.of(DATA)


def test_what_is_kept_is_found(tmp_path):
    cache = ModelCache(tmp_path / "new" / "folder")
    assert cache.find(BLOB) is None
    cache.keep(BLOB, DATA)
    cache.keep(BLOB, DATA)
    assert ModelCache(tmp_path / "new" / "folder").find(BLOB) == DATA


def test_a_damaged_copy_is_not_found(tmp_path):
    cache = ModelCache(tmp_path)
    cache.keep(BLOB, DATA)
    (tmp_path / "blobs" / BLOB.sha256).write_bytes(b"c0ntent")
    assert cache.find(BLOB) is None


def test_a_probe_is_remembered_for_this_machine_these_features_and_what_loads_it(tmp_path, monkeypatch):
    cache, features = ModelCache(tmp_path), FeatureSet((Feature("x", Kind.CATEGORICAL, levels=("a", "b")),))
    shorter = FeatureSet((Feature("x", Kind.CATEGORICAL, levels=("a",)),))
    assert not cache.was_probed(BLOB, features, "lightgbm 4")
    cache.remember_probed(BLOB, features, "lightgbm 4")
    assert ModelCache(tmp_path).was_probed(BLOB, FeatureSet(features.features), "lightgbm 4")
    assert not cache.was_probed(BLOB, shorter, "lightgbm 4")
    assert not cache.was_probed(BLOB, features, "lightgbm 5")
    assert not cache.was_probed(Blob.of(b"other"), features, "lightgbm 4")
    monkeypatch.setattr(cache_module, "_environment", lambda runtime: f"{runtime}, another machine")
    assert not cache.was_probed(BLOB, features, "lightgbm 4")


class Told:
    def __init__(self):
        self.details = []

    def not_remembered(self, detail):
        self.details.append(detail)


@pytest.mark.parametrize("error", [PermissionError("no"), OSError(errno.ENOSPC, "disk full")])
def test_what_cannot_be_kept_is_told_once_until_something_can(tmp_path, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    told = Told()
    cache = ModelCache(tmp_path, observers=(told,))
    with monkeypatch.context() as full:
        full.setattr(cache_module, "replace_file", fail)
        for _ in range(2):
            cache.keep(BLOB, DATA)
            cache.remember_probed(BLOB, FeatureSet((Feature("x"),)), "lightgbm 4")
    assert len(told.details) == 1
    assert str(error) in told.details[0]
    assert "SCORELINE_CACHE_DIR" in told.details[0]
    cache.keep(BLOB, DATA)
    monkeypatch.setattr(cache_module, "replace_file", fail)
    cache.keep(BLOB, DATA)
    assert len(told.details) == 2


def test_a_file_in_the_place_of_the_folder_is_as_good_as_an_empty_one(tmp_path):
    (tmp_path / "cache").write_bytes(b"")
    told = Told()
    cache = ModelCache(tmp_path / "cache", observers=(told,))
    cache.keep(BLOB, DATA)
    assert cache.find(BLOB) is None
    assert not cache.was_probed(BLOB, FeatureSet((Feature("x"),)), "lightgbm 4")
    assert len(told.details) == 1


WRITER = """
import sys
from pathlib import Path
from scoreline.models.cache import ModelCache
from scoreline.models.manifest import Blob
cache, data = ModelCache(Path(sys.argv[1])), b"content" * 10000
for _ in range(50):
    cache.keep(Blob.of(data), data)
    assert cache.find(Blob.of(data)) == data
"""


@pytest.mark.slow
def test_processes_that_keep_the_same_content_at_once_never_see_half_of_it(tmp_path: Path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(list((tmp_path / "blobs").iterdir())) == 1
