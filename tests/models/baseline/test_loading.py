from dataclasses import replace

import pytest

from scoreline.errors import ModelRejected
from scoreline.features import Feature, Kind
from scoreline.models.baseline.building import TrainingRows, make_baseline
from scoreline.models.baseline.encoding import encode_baseline
from scoreline.models.baseline.loading import load_baseline
from scoreline.models.cache import ModelCache
from scoreline.models.inspection import Output
from scoreline.models.store import ModelStore
from tests.models.baseline.grids import FEATURES, make_rows
from tests.models.builders import MANIFEST

ENCODED = encode_baseline(make_baseline(FEATURES, None, TrainingRows(*make_rows(40))))


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(str(tmp_path / "store"))


@pytest.fixture
def cache(tmp_path) -> ModelCache:
    return ModelCache(tmp_path / "cache")


def manifest_with(store, data: bytes, **changes):
    content = {"features": FEATURES.features, "output": Output.VALUE, "classes": None, **changes}
    blobs = {**MANIFEST.blobs, "baseline": store.add_blob("flights", data)}
    return replace(MANIFEST, blobs=blobs, **content)


def test_a_baseline_is_fetched_once_and_then_taken_from_the_cache(store, cache, tmp_path):
    manifest = manifest_with(store, ENCODED)
    loaded = load_baseline(store, manifest, cache)
    assert loaded is not None
    assert loaded.total.rows == 40
    again = load_baseline(ModelStore(str(tmp_path / "empty")), manifest, cache)
    assert again is not None
    assert again.grid == loaded.grid


def test_a_version_from_before_there_were_baselines_has_none(store, cache):
    assert load_baseline(store, MANIFEST, cache) is None


def test_a_damaged_baseline_is_rejected(store, cache):
    with pytest.raises(ModelRejected, match="this is no baseline"):
        load_baseline(store, manifest_with(store, b"rows"), cache)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": FEATURES.features[:-1]}, "the baseline is of .* has"),
        ({"classes": ("no", "yes"), "output": Output.PROBABILITIES}, "the baseline is of .* has"),
        ({"features": (*FEATURES.features[:3], Feature("code"))}, "'code' is not of its kind"),
        (
            {"features": (*FEATURES.features[:2], Feature("place", Kind.CATEGORICAL, levels=("a", "c", "b")),
                          FEATURES.features[3])},
            "'place' is not of its kind or its levels",
        ),
    ],
)  # fmt: skip
def test_the_baseline_of_another_model_is_rejected(store, cache, changes, message):
    with pytest.raises(ModelRejected, match=message):
        load_baseline(store, manifest_with(store, ENCODED, **changes), cache)
