"""What `/models` tells, over a real store."""

import pytest

from scoreline.models.cache import ModelCache
from scoreline.models.live import LiveVersions
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Reloader
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.observability.comparisons import Comparison
from scoreline.service.sidecar import StoreListing
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import MANIFEST

MODEL = WeightedSum([], [])


@pytest.fixture
def listing(tmp_path):
    """Versions 1 to 4; production is a route over 1 and 2 with the shadow 3, canary is 2."""
    store = ModelStore(str(tmp_path / "store"))
    for _ in range(4):
        store.add_version(MANIFEST)
    store.set_alias("flights", "production", Route.of({1: 90, 2: 10}, (3,)), by="t")
    store.set_alias("flights", "canary", 2, by="t")
    versions = LiveVersions(
        store,
        "flights",
        "production",
        cache=ModelCache(tmp_path / "cache"),
        load=lambda name, number: ModelVersion(name, number, "", MODEL),
    )
    compared = [
        Comparison(1, 3, 1200, 0.25, (-0.5, 0.0, 0.5), None, 0.75),
        Comparison(2, 3, 7, None, (None, None, None), 0.5, None),
    ]
    return StoreListing(store, versions, Reloader(versions, clock=lambda: 0.0), lambda: compared)


def test_models_tells_what_the_alias_means_and_who_is_loaded(listing):
    told = listing.list_versions()
    assert told["live"] == {"alias": "production", "weights": {"1": 90, "2": 10}, "shadows": [3]}
    assert told["aliases"] == {"production": {"weights": {"1": 90, "2": 10}, "shadows": [3]}, "canary": {"version": 2}}
    assert [(each["version"], each["aliases"], each["loaded"]) for each in told["versions"]] == [
        (1, ["production"], True),
        (2, ["canary", "production"], True),
        (3, ["production"], True),
        (4, [], False),
    ]


def test_models_tells_how_shadows_compare(listing):
    assert listing.list_versions()["shadows"] == [
        {
            "version": 1,
            "shadow": 3,
            "count": 1200,
            "difference": {"mean": 0.25, "quantiles": {"0.05": -0.5, "0.5": 0.0, "0.95": 0.5}},
            "agreement": None,
            "rank_correlation": 0.75,
        },
        {
            "version": 2,
            "shadow": 3,
            "count": 7,
            "difference": {"mean": None, "quantiles": {"0.05": None, "0.5": None, "0.95": None}},
            "agreement": 0.5,
            "rank_correlation": None,
        },
    ]


def test_one_selector_shows_a_manifest_or_which_versions_answer(listing):
    assert listing.show_version("canary")["version"] == 2
    assert listing.show_version("production") == {
        "name": "flights",
        "alias": "production",
        "weights": {"1": 90, "2": 10},
        "shadows": [3],
    }
