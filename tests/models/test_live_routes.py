"""An alias that is a route: all of its versions are there, or nothing has changed."""

import pytest

from scoreline.errors import ModelRejected, Unavailable
from scoreline.models.cache import ModelCache
from scoreline.models.live import LiveVersions
from scoreline.models.model import ModelVersion
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import MANIFEST

MODEL, FASTER = WeightedSum([], []), WeightedSum([], [])
FASTER.engine = "compiled"


class Loads:
    """Loads fakes, remembers which, and fails where it is told to."""

    def __init__(self):
        self.numbers = []
        self.errors = {}

    def __call__(self, name, version):
        self.numbers.append(version)
        if version in self.errors:
            raise self.errors[version]
        return ModelVersion(name, version, f"{version:064x}", MODEL)


@pytest.fixture
def store(tmp_path):
    """Versions 1 to 8; production is 1."""
    store = ModelStore(str(tmp_path / "store"))
    for _ in range(8):
        store.add_version(MANIFEST)
    store.set_alias("flights", "production", 1, by="t")
    return store


@pytest.fixture
def loads():
    return Loads()


@pytest.fixture
def make_versions(store, loads, tmp_path):
    def make(max_resident=4):
        cache = ModelCache(tmp_path / "cache")
        return LiveVersions(store, "flights", "production", cache=cache, load=loads, max_resident=max_resident)

    return make


def set_route(store, weights, *shadows, alias="production"):
    store.set_alias("flights", alias, Route.of(weights, shadows), by="t")


def resident(versions):
    return [version.version for version in versions.resident()]


def test_an_alias_that_becomes_a_route_has_all_its_versions_loaded_before_anything_changes(store, loads, make_versions):
    versions = make_versions()
    set_route(store, {3: 10, 2: 90}, 5)
    assert versions.follow()
    assert versions.live.numbers == (2, 3)
    assert [shadow.version for shadow in versions.live.shadows] == [5]
    assert versions.route == Route.of({2: 90, 3: 10}, (5,))
    assert versions.resolve("production") is versions.resolve() is versions.live
    assert loads.numbers == [1, 2, 3, 5]
    assert not versions.follow()


@pytest.mark.parametrize("error", [ModelRejected("damaged"), Unavailable("the store is away")])
@pytest.mark.parametrize("bad", [2, 3, 5])
def test_a_route_of_which_one_version_cannot_be_had_changes_nothing(store, loads, make_versions, bad, error):
    """Be it a shadow."""
    versions = make_versions()
    before = versions.live
    loads.errors[bad] = error
    set_route(store, {2: 90, 3: 10}, 5)
    with pytest.raises(type(error)):
        versions.follow()
    assert versions.live is before
    assert versions.route == Route.to(1)
    set_route(store, {4: 1, 6: 1})
    assert versions.follow()
    assert versions.live.numbers == (4, 6)


def test_only_the_weights_of_a_route_may_change(store, loads, make_versions):
    versions = make_versions()
    for weights in ({1: 90, 2: 10}, {1: 50, 2: 50}, {1: 50, 2: 50}):
        set_route(store, weights)
        versions.follow()
    assert versions.live.bounds == (2**63,)
    assert loads.numbers == [1, 2]


def test_a_live_route_of_more_versions_than_may_stay_is_whole_and_others_come_and_go(store, loads, make_versions):
    set_route(store, {1: 1, 2: 1}, 3)
    versions = make_versions(max_resident=2)
    assert resident(versions) == [1, 2, 3]
    for selector in ("4", "5", "4"):
        assert versions.resolve(selector).only.version == int(selector)
    assert resident(versions) == [1, 2, 3, 4]
    assert loads.numbers == [1, 2, 3, 4, 5, 4]
    assert versions.live.numbers == (1, 2)


def test_a_pin_may_name_a_route_which_is_loaded_once_however_small_the_room(store, loads, make_versions):
    """Else every batch would load its versions anew, one pushing out the other."""
    versions = make_versions(max_resident=3)
    set_route(store, {2: 1, 3: 1, 4: 1}, 5, alias="canary")
    for _ in range(3):
        route = versions.resolve("canary")
        assert route.numbers == (2, 3, 4)
        assert [shadow.version for shadow in route.shadows] == [5]
    assert loads.numbers == [1, 2, 3, 4, 5]
    versions.resolve("6")
    assert len(resident(versions)) == 3
    assert {1, 6} <= set(resident(versions))


def test_memory_tells_of_a_route_only_when_it_has_all_of_it(store, make_versions):
    versions = make_versions(max_resident=3)
    set_route(store, {2: 1, 3: 1}, 4, alias="canary")
    assert versions.find_resident("canary") is None
    route = versions.resolve("canary")
    assert versions.find_resident("canary") == route
    for selector in ("5", "6", "7"):
        versions.resolve(selector)
    assert versions.find_resident("canary") is None


def test_a_pinned_route_of_which_one_version_may_not_serve_is_refused_for_a_while(store, loads, make_versions):
    versions = make_versions()
    set_route(store, {2: 1, 3: 1}, alias="canary")
    loads.errors[3] = ModelRejected("damaged")
    for _ in range(2):
        with pytest.raises(ModelRejected, match="damaged"):
            versions.resolve("canary")
    assert loads.numbers == [1, 2, 3]


@pytest.mark.parametrize("number", [2, 5])
def test_another_computation_of_a_version_takes_its_place_in_the_live_route(store, make_versions, number):
    """Of one that answers or of a shadow; the rest of the route stays what it was."""
    set_route(store, {1: 90, 2: 10}, 5)
    versions = make_versions()
    before = versions.live
    better = ModelVersion("flights", number, "", FASTER)
    assert versions.improve(better)
    assert [each is better for each in versions.live.loaded] == [each.version == number for each in before.loaded]
    assert (versions.live.bounds, versions.live.numbers) == (before.bounds, before.numbers)
    assert versions.resolve(str(number)).only is better
    assert [each.model.engine for each in before.loaded] == ["fake"] * 3
    assert not versions.improve(ModelVersion("flights", 7, "", FASTER))


def test_what_was_improved_stays_so_when_the_alias_moves(store, make_versions):
    set_route(store, {1: 90, 2: 10})
    versions = make_versions()
    better = ModelVersion("flights", 2, "", FASTER)
    versions.improve(better)
    set_route(store, {2: 1, 3: 1})
    assert versions.follow()
    assert versions.live.versions[0] is better


def test_versions_that_a_route_leaves_go_like_any_others(store, make_versions):
    set_route(store, {1: 1, 2: 1}, 3)
    versions = make_versions(max_resident=2)
    store.set_alias("flights", "production", 4, by="t")
    assert versions.follow()
    assert resident(versions) == [3, 4]
