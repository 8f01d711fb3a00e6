"""A format whose code misbehaves costs its own version, and nothing else."""

import time

import pytest

from scoreline.errors import ModelRejected, Refused
from scoreline.models.cache import ModelCache
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.formats import KnownFormats
from scoreline.models.live import LiveVersions
from scoreline.models.loading import VersionLoader
from scoreline.models.publishing import Publication, publish
from scoreline.models.reloading import Reloader, ReloadOutcome
from scoreline.models.store import ModelStore
from tests.models.builders import put_version, train, trusting_cache
from tests.models.formats.installed import ROWS_SUM, install

STATEMENTS = (FeatureStatement("a"), FeatureStatement("b"))


@pytest.fixture
def store(tmp_path):
    return ModelStore(str(tmp_path / "store"))


def publish_sum(store, formats=None):
    publication = Publication(name="tiny", text=b"sum 2", by="ann", format="sum", statements=STATEMENTS)
    return publish(store, publication, formats=formats)


@pytest.mark.slow
def test_a_format_that_a_package_adds_is_published_probed_and_served(store, tmp_path, monkeypatch):
    """Its child process has what LightGBM's does without."""
    needs_pandas = ROWS_SUM.replace("return Sum(", "import pandas; return pandas and Sum(")
    install(monkeypatch, tmp_path / "site", "sound_sum", needs_pandas, name="sum")
    manifest = publish_sum(store)
    assert (manifest.format, manifest.training) == ("sum", {"published_with": "sum 1.0"})
    version = VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 1)
    assert version.model.engine == "sum"


SPOILT = {
    "wrong shape": ("return matrix.sum(axis=1)", "return matrix", r"scores of shape \(2, 2\), but should give \(2,\)"),
    "wrong type": ("matrix.sum(axis=1)", "matrix.sum(axis=1).astype(np.float32)", "an array of float32 as scores"),
    "no array": ("matrix.sum(axis=1)", "list(matrix.sum(axis=1))", "gives a list as scores"),
    "wrong scores": ("matrix.sum(axis=1)", "matrix.sum(axis=1) + 1", "golden rows give other scores"),
    "raises while it loads": ("return Sum(", "raise RuntimeError('no\\nluck') or (", "RuntimeError: no$"),
    "raises while it scores": ("return matrix", "raise ZeroDivisionError() or matrix", "fails to .*ZeroDivisionError$"),
    "lacks its library": ("return Sum(", "import absent_library; return (", "sum 1.0 does not load on this machine"),
    "refuses": ("return Sum(", "raise ModelRejected('too old') or (", "may not serve: too old$"),
    "crashes": ("return Sum(", "import os; os.abort(); (", "sum 1.0 crashed on it with SIGABRT"),
    "hangs": ("return Sum(", "import signal; signal.pause(); (", "sum 1.0 did not load and score it within 3 s"),
    "takes all memory": ("return Sum(", "bytearray(2**40); (", "may not serve: MemoryError: it takes more memory"),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", SPOILT)
def test_the_old_version_goes_on_and_one_reason_is_told(store, tmp_path, monkeypatch, how):
    """Published where the format was sound, and followed where it is not."""
    old, new, reason = SPOILT[how]
    assert ROWS_SUM.count(old) == 1
    package = f"spoilt_{how.replace(' ', '_')}"
    first = put_version(store, "tiny", train("binary"))
    store.set_alias("tiny", "production", 1, by="t")
    with monkeypatch.context() as sound:
        install(sound, tmp_path / "sound", f"sound_for_{package}", ROWS_SUM, name="sum")
        publish_sum(store)
    install(monkeypatch, tmp_path / "site", package, ROWS_SUM.replace(old, new), name="sum")
    cache = trusting_cache(tmp_path / "cache", first)
    loader = VersionLoader(store, cache, probe_limit_seconds=3)
    versions = LiveVersions(store, "tiny", "production", cache=cache, load=loader.load)
    store.set_alias("tiny", "production", 2, by="t")
    look = Reloader(versions, clock=time.monotonic).look()
    assert look.live.only.version == versions.live.only.version == 1
    assert look.outcome is ReloadOutcome.REJECTED
    with pytest.raises((ModelRejected, Refused), match=reason):
        loader.load("tiny", 2)
    assert "\n" not in look.detail


def test_a_format_that_fails_only_where_it_serves_is_rejected_there(store, tmp_path, monkeypatch):
    """What a child process has survived may still fail in another: the device is busy, the memory is gone."""
    spoilt = ROWS_SUM.replace("return matrix.sum", "raise OSError('device is busy') or matrix.sum")
    install(monkeypatch, tmp_path / "site", "busy_sum", spoilt, name="sum")
    found = KnownFormats().find("sum")
    with monkeypatch.context() as proved:
        proved.setattr("scoreline.models.publishing.probe_model", lambda *model, **_: model[-1].sum(axis=1))
        manifest = publish_sum(store)
    cache = ModelCache(tmp_path / "cache")
    cache.remember_probed(manifest.blobs["model"], manifest.feature_set, found.runtime)
    with pytest.raises(ModelRejected, match=r"sum 1\.0 fails to load and score the model: OSError: device is busy"):
        VersionLoader(store, cache).load("tiny", 1)


def test_a_version_of_an_unknown_format_is_rejected_with_what_to_install(store, tmp_path):
    manifest = put_version(store, "tiny", train("binary"), format="unheard-of")
    expected = r"format 'unheard-of' is not known here; known are lightgbm.*Install a package that registers it"
    with pytest.raises(ModelRejected, match=expected):
        VersionLoader(store, trusting_cache(tmp_path / "cache", manifest)).load("tiny", 1)
    assert store.manifest("tiny", 1).format == "unheard-of"
