import json
from dataclasses import replace
from pathlib import Path

import pytest

from scoreline.errors import ModelNotFound, ModelRejected
from scoreline.features import Feature, Kind
from scoreline.models import loading
from scoreline.models.cache import ModelCache
from scoreline.models.loading import SharedFeatures, VersionLoader
from scoreline.models.store import ModelStore
from tests.models.builders import LEVELS, put_version, score_in_process, train, trusting_cache


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(str(tmp_path / "store"))


@pytest.fixture
def probes(monkeypatch):
    """Counts child processes, and starts none."""
    started = []

    def score(*model, time_limit_seconds, behind):
        started.append(model)
        return score_in_process(*model, time_limit_seconds=time_limit_seconds)

    monkeypatch.setattr(loading, "probe_model", score)
    return started


def test_a_version_is_probed_once_on_a_machine(store, tmp_path, probes):
    manifest = put_version(store, "tiny", train("binary"))
    for _ in range(2):
        version = VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 1)
    assert len(probes) == 1
    assert (version.name, version.version, version.sha256) == ("tiny", 1, manifest.blobs["model"].sha256)


def test_verifying_probes_again_and_reads_the_store_again(store, tmp_path, probes):
    manifest = put_version(store, "tiny", train("binary"))
    loader = VersionLoader(store, ModelCache(tmp_path / "cache"))
    loader.load("tiny", 1)
    loader.verify("tiny", 1)
    assert len(probes) == 2
    Path(store.url, "tiny", "blobs", manifest.blobs["model"].sha256).write_bytes(b"tree\n")
    assert loader.load("tiny", 1).version == 1
    with pytest.raises(ModelRejected, match="bytes, but should have"):
        loader.verify("tiny", 1)


def test_verifying_reads_every_blob(store, tmp_path, probes):
    baseline = store.add_blob("tiny", b"rows")
    manifest = put_version(store, "tiny", train("binary"))
    store.add_version(replace(manifest, blobs={**manifest.blobs, "baseline_rows": baseline}))
    Path(store.url, "tiny", "blobs", baseline.sha256).write_bytes(b"r0ws")
    loader = VersionLoader(store, ModelCache(tmp_path / "cache"))
    assert loader.load("tiny", 2).version == 2
    with pytest.raises(ModelRejected, match="sha256"):
        loader.verify("tiny", 2)


def test_a_version_with_a_baseline_that_is_none_serves_and_verifying_tells_of_it(store, tmp_path, probes):
    manifest = put_version(store, "tiny", train("binary"))
    store.add_version(replace(manifest, blobs={**manifest.blobs, "baseline": store.add_blob("tiny", b"rows")}))
    loader = VersionLoader(store, ModelCache(tmp_path / "cache"))
    assert loader.load("tiny", 2).version == 2
    with pytest.raises(ModelRejected, match="tiny 2 may not serve: this is no baseline"):
        loader.verify("tiny", 2)


def test_a_version_serves_although_nothing_can_be_kept_of_it(store, tmp_path, probes):
    put_version(store, "tiny", train("binary"))
    (tmp_path / "cache").write_bytes(b"")
    for _ in range(2):
        assert VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 1).version == 1
    assert len(probes) == 2


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    changed = {
        "truncated": data[:middle],
        "one byte changed": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "empty": b"",
        "longer": data + b"\n",
    }
    path.write_bytes(changed[how])


@pytest.mark.parametrize("how", ["truncated", "one byte changed", "empty", "longer"])
@pytest.mark.parametrize("role", ["model", "golden"])
def test_a_damaged_blob_never_reaches_lightgbm(store, tmp_path, probes, role, how):
    manifest = put_version(store, "tiny", train("binary"))
    damage(Path(store.url, "tiny", "blobs", manifest.blobs[role].sha256), how)
    with pytest.raises(ModelRejected, match="blob"):
        VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 1)
    assert not probes


@pytest.mark.parametrize("how", ["truncated", "one byte changed", "empty", "longer"])
def test_a_damaged_copy_in_the_cache_is_fetched_again(store, tmp_path, probes, how):
    manifest = put_version(store, "tiny", train("binary"))
    cache = tmp_path / "cache"
    VersionLoader(store, ModelCache(cache)).load("tiny", 1)
    copy = cache / "blobs" / manifest.blobs["model"].sha256
    whole = copy.read_bytes()
    damage(copy, how)
    VersionLoader(store, ModelCache(cache)).load("tiny", 1)
    assert copy.read_bytes() == whole


def put_changed(store, shape, **changes):
    """A version whose manifest says something else than its model; committed by the store, so its checksum fits."""
    return put_version(store, "tiny", train(shape), **changes)


def load(store, tmp_path):
    return VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 1)


@pytest.mark.usefixtures("probes")
def test_a_manifest_with_renamed_features_is_rejected(store, tmp_path):
    names = ("y", "x", "category", "constant")
    put_changed(store, "binary", features=tuple(map(Feature, names)))
    with pytest.raises(ModelRejected, match=r"manifest's features are .* but the model's"):
        load(store, tmp_path)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Feature("place", Kind.CATEGORICAL, levels=LEVELS[:1]), "has 1 levels, but the model uses code 2"),
        (
            Feature("place", Kind.CATEGORICAL, levels=LEVELS[:3]),
            "has 3 levels, but the model's own pandas_categorical 4",
        ),
        (
            Feature("place", Kind.CATEGORICAL, levels=LEVELS[::-1]),
            "gives 'plain' the code 0, but .* pandas_categorical 3",
        ),
        (Feature("place"), "a golden row does not fit the manifest: feature 'place' has to be a number"),
    ],
)
@pytest.mark.usefixtures("probes")
def test_a_manifest_whose_levels_do_not_fit_is_rejected_whatever_its_golden_rows_reach(store, tmp_path, place, message):
    """A cut at the end of a list changes no score that a golden row has to show."""
    size = Feature("size", Kind.CATEGORICAL, levels=(3, 5, 9))
    put_changed(store, "pandas", features=(place, Feature("x"), size, Feature("flag")))
    with pytest.raises(ModelRejected, match=message):
        load(store, tmp_path)


def test_levels_in_other_words_are_welcome(store, tmp_path):
    """What a producer calls them need not be what they were called in training; the golden rows hold the new words."""
    text = train("pandas").text
    start = text.rindex(b"pandas_categorical:")
    words = b'pandas_categorical:[["a","b","c","d"],[3,5,9]]\n'
    manifest = put_version(store, "tiny", train("pandas"))
    renamed = replace(manifest, blobs={**manifest.blobs, "model": store.add_blob("tiny", text[:start] + words)})
    store.add_version(renamed)
    cache = trusting_cache(tmp_path / "cache", renamed)
    assert VersionLoader(store, cache).load("tiny", 2).model.features == manifest.feature_set


@pytest.mark.usefixtures("probes")
def test_a_manifest_with_another_number_of_classes_is_rejected(store, tmp_path):
    put_changed(store, "multiclass", classes=("a", "b"))
    with pytest.raises(ModelRejected, match="golden rows do not fit"):
        load(store, tmp_path)


def test_golden_rows_of_another_model_are_rejected(store, tmp_path):
    other = put_version(store, "tiny", train("quantile"))
    own = put_version(store, "tiny", train("regression"))
    mixed = store.add_version(replace(own, blobs={**own.blobs, "golden": other.blobs["golden"]}))
    loader = VersionLoader(store, trusting_cache(tmp_path / "cache", own))
    assert loader.load("tiny", 2).version == 2
    with pytest.raises(ModelRejected, match="golden rows give other scores"):
        loader.load("tiny", mixed.version)


def test_a_version_without_golden_rows_is_rejected(store, tmp_path):
    manifest = put_version(store, "tiny", train("binary"))
    bare = store.add_version(replace(manifest, blobs={"model": manifest.blobs["model"]}))
    with pytest.raises(ModelRejected, match="has no golden rows"):
        VersionLoader(store, trusting_cache(tmp_path / "cache", bare)).load("tiny", 2)


def test_a_manifest_that_was_edited_is_rejected(store, tmp_path):
    put_version(store, "tiny", train("binary"))
    path = Path(store.url, "tiny", "versions", "1.json")
    content = json.loads(path.read_bytes())
    content["blobs"]["model"]["sha256"] = "0" * 64
    path.write_text(json.dumps(content))
    with pytest.raises(ModelRejected, match="changed after it was published"):
        VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 1)


def test_why_a_version_may_not_serve_begins_with_which_one_it_is(store, tmp_path):
    """Who reads it has asked for an alias."""
    manifest = put_version(store, "tiny", train("binary"))
    damage(Path(store.url, "tiny", "blobs", manifest.blobs["model"].sha256), "empty")
    loader = VersionLoader(store, ModelCache(tmp_path / "cache"))
    for check in (loader.load, loader.verify):
        with pytest.raises(ModelRejected, match=r"^tiny 1 may not serve: blob .* has 0 bytes"):
            check("tiny", 1)


def test_a_version_that_there_is_not_is_not_found(store, tmp_path):
    put_version(store, "tiny", train("binary"))
    with pytest.raises(ModelNotFound, match="no version 2"):
        VersionLoader(store, ModelCache(tmp_path / "cache")).load("tiny", 2)


def test_versions_with_equal_features_share_them_as_one_object(store, tmp_path):
    """And those with others do not; loaders that are told to share do so, too."""
    manifests = [put_version(store, "tiny", train(shape)) for shape in ("binary", "binary", "multiclass")]
    others = put_version(store, "tiny", train("binary"), features=(Feature("else"), *manifests[0].features[1:]))
    cache, shared = trusting_cache(tmp_path / "cache", *manifests, others), SharedFeatures()
    loaders = [VersionLoader(store, cache, shared=shared) for _ in range(2)]
    first, second = (loader.load("tiny", version).model.features for version, loader in enumerate(loaders, 1))
    assert first is second
    assert first is loaders[0].load("tiny", 3).model.features
    with pytest.raises(ModelRejected):
        loaders[0].load("tiny", others.version)
