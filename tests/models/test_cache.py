import subprocess
import sys
from pathlib import Path

import pytest

from scoreline.errors import Refused, Unavailable
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


@pytest.mark.parametrize(("error", "expected"), [(PermissionError("no"), Refused), (OSError("disk full"), Unavailable)])
def test_a_folder_that_cannot_be_used_is_named(tmp_path, monkeypatch, error, expected):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(cache_module, "replace_file", fail)
    with pytest.raises(expected, match="SCORELINE_CACHE_DIR"):
        ModelCache(tmp_path).keep(BLOB, DATA)


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
