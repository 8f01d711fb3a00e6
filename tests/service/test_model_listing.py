"""What `/models` tells, also while the store is away."""

import pytest

from scoreline.errors import ModelNotFound, Unavailable
from scoreline.models.cache import ModelCache
from scoreline.models.compiled.outcomes import EngineState
from scoreline.models.live import LiveVersions
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Reloader
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.observability.comparisons import Comparison
from scoreline.service.model_listing import StoreListing
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import MANIFEST

COMPARED = [
    Comparison(1, 3, 10, 0.5, (-1.0, 0.25, 2.0), None, 0.9, 4),
    Comparison(2, 3, 7, None, (None, None, None), 0.5, None, 0),
]


@pytest.fixture
def store(tmp_path):
    store = ModelStore(str(tmp_path / "store"))
    for _ in range(3):
        store.add_version(MANIFEST)
    store.set_alias("flights", "production", Route.of({1: 90, 2: 10}), by="me")
    store.set_alias("flights", "next", 3, by="me")
    return store


@pytest.fixture
def listing(store, tmp_path):
    def load(name, version):
        return ModelVersion(name, version, f"{version:064x}", WeightedSum([], []))

    versions = LiveVersions(store, "flights", "production", cache=ModelCache(tmp_path), load=load)
    reloader = Reloader(versions, clock=lambda: 0.0)
    describe = {1: EngineState("compiled"), 2: EngineState("lightgbm", refused="linear trees")}
    return StoreListing(store, versions, reloader, lambda version: describe[version.version], lambda: COMPARED)


def test_it_tells_of_versions_aliases_routes_engines_and_shadows(listing):
    told = listing.list_versions()
    route = {"weights": {"1": 90, "2": 10}, "shadows": []}
    assert told["live"] == {"alias": "production", **route}
    assert told["aliases"] == {"production": route, "next": {"version": 3}}
    assert told["problem"] is None
    assert [(v["version"], v["aliases"], v["loaded"], v["engine"], v["not_compiled"]) for v in told["versions"]] == [
        (1, ["production"], True, "compiled", None),
        (2, ["production"], True, "lightgbm", "linear trees"),
        (3, ["next"], False, None, None),
    ]
    shadow, other = told["shadows"]
    quantiles = {"0.05": -1.0, "0.5": 0.25, "0.95": 2.0}
    assert shadow["difference"] == {"mean": 0.5, "quantiles": quantiles, "overflowed": 4}
    assert (shadow["version"], shadow["shadow"], shadow["count"], shadow["rank_correlation"]) == (1, 3, 10, 0.9)
    assert (other["agreement"], other["difference"]["mean"], other["rank_correlation"]) == (0.5, None, None)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (Unavailable("no route to host"), "no route to host"),
        (OSError(24, "Too many open files"), "OSError: [Errno 24] Too many open files"),
    ],
    ids=["away", "of the machine"],
)
def test_while_the_store_is_away_it_tells_of_what_is_loaded_and_why_of_nothing_else(
    listing, store, monkeypatch, error, problem
):
    def fail(*_):
        raise error

    monkeypatch.setattr(store, "aliases", fail)
    monkeypatch.setattr(store, "versions", fail)
    told = listing.list_versions()
    assert told["problem"] == problem
    assert list(told["aliases"]) == ["production"]
    assert [version["version"] for version in told["versions"]] == [1, 2]


def test_a_selector_shows_a_manifest_and_a_route_its_versions(listing):
    assert listing.show_version("next")["version"] == 3
    assert listing.show_version("production")["weights"] == {"1": 90, "2": 10}
    with pytest.raises(ModelNotFound):
        listing.show_version("nobody")
