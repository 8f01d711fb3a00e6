"""What anybody may learn of the model from `/health`."""

import pytest

from scoreline.errors import ModelRejected, Unavailable
from scoreline.models.cache import ModelCache
from scoreline.models.live import LiveVersions
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Reloader
from scoreline.models.store import ModelStore
from scoreline.service.model_health import ModelHealth
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import MANIFEST


@pytest.fixture
def store(tmp_path):
    store = ModelStore(str(tmp_path / "store"))
    for _ in range(2):
        store.add_version(MANIFEST)
    store.set_alias("flights", "production", 1, by="me")
    return store


def open_versions(store, tmp_path, error=None):
    """Version 1 serves, and what is to follow it fails as told."""

    def load(name, version):
        if version != 1:
            raise error
        return ModelVersion(name, version, f"{version:064x}", WeightedSum([], []))

    versions = LiveVersions(store, "flights", "production", cache=ModelCache(tmp_path), load=load)
    return versions, Reloader(versions, clock=lambda: 0.0)


def test_it_says_what_answers_by_which_alias_and_engine(store, tmp_path):
    health = ModelHealth(*open_versions(store, tmp_path)).check()
    assert (health.name, health.ready, health.alive) == ("model", True, True)
    assert health.detail == "flights version 1 (production), fake"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ModelRejected("/srv/models/cache/ab12 is 3 bytes short"), "rejected"),
        (Unavailable("s3://inner-bucket does not answer"), "store_away"),
    ],
)
def test_whoever_has_no_token_learns_that_a_version_may_not_serve_but_no_path(store, tmp_path, error, outcome):
    versions, reloader = open_versions(store, tmp_path, error)
    store.set_alias("flights", "production", 2, by="me")
    assert str(error) in reloader.look().detail
    detail = ModelHealth(versions, reloader).check().detail
    assert detail.startswith("flights version 1 (production)")
    assert detail.endswith(f"the alias may mean another one: {outcome}; /models says why")
    assert str(error).split()[0] not in detail
