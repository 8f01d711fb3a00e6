import hashlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion
from scoreline.models.routes import KEY_SPACE, MOST_WEIGHT, Route, find_point, find_problems
from scoreline.testing.fakes import WeightedSum

WEIGHTS = st.dictionaries(st.integers(1, 50), st.integers(1, 1_000_000), min_size=1, max_size=6)


def load(route: Route, name: str = "flights") -> LiveRoute:
    model = WeightedSum([], [])
    return LiveRoute.load(route, [ModelVersion(name, number, "", model) for number in route.versions])


def choose_by_fractions(weights: dict[int, int], key: bytes) -> int:
    """The rule as it is written down, with exact numbers."""
    digest = hashlib.sha256(b"flights" + b"\x00" + key).digest()
    point = Fraction(int.from_bytes(digest[:8], "big"), 2**64)
    total, upto = sum(weights.values()), 0
    for version in sorted(weights):
        upto += weights[version]
        if point < Fraction(upto, total):
            return version
    raise AssertionError("a point lies below 1")


@given(WEIGHTS, st.lists(st.binary(max_size=40), max_size=30))
def test_a_key_gets_the_version_that_the_written_rule_gives(weights, keys):
    route = load(Route.of(weights))
    expected = [choose_by_fractions(weights, key) for key in keys]
    assert [route.choose(key).version for key in keys] == expected
    assert [route.versions[i].version for i in route.assign(keys)] == expected


def test_the_point_of_a_key_never_changes():
    assert find_point("flights", b"N14228") == 0xCDC9353CCCDE3C95
    assert find_point("flights", b"") != find_point("flight", b"s")


def test_bounds_are_exact_at_the_last_point():
    """A third is no double; the first point beyond it is."""
    (bound,) = Route.of({1: 1, 2: 2}).bounds
    assert bound * 3 >= KEY_SPACE > (bound - 1) * 3


@pytest.mark.parametrize("weights", [{3: 90, 4: 10}, {1: 1, 2: 1, 3: 1}, {1: 999, 2: 1}])
def test_shares_are_those_of_the_weights(weights):
    """Chi-square over 10,000 keys, at a level that one of 100,000 fair routes fails."""
    route = load(Route.of(weights))
    counts = np.bincount(route.assign([f"key-{i}".encode() for i in range(10_000)]), minlength=len(weights))
    expected = np.array([10_000 * weights[v] / sum(weights.values()) for v in sorted(weights)])
    limits = {1: 19.5, 2: 23.0}
    assert ((counts - expected) ** 2 / expected).sum() < limits[len(weights) - 1]


def test_a_share_that_grows_takes_keys_and_gives_none_away():
    """Whoever is on the canary stays there while it is given more, where it is the newest version."""
    keys = [f"key-{i}".encode() for i in range(2_000)]
    before = load(Route.of({3: 90, 4: 10})).assign(keys)
    after = load(Route.of({3: 50, 4: 50})).assign(keys)
    assert not ((before == 1) & (after == 0)).any()


def test_one_version_answers_every_key():
    route = load(Route.of({7: 3}, (9,)))
    assert route.only is route.versions[0]
    assert route.choose(b"any").version == 7
    assert route.assign([b"a", b"b"]).tolist() == [0, 0]
    assert [shadow.version for shadow in route.shadows] == [9]


@pytest.mark.parametrize(
    ("weights", "shadows", "said"),
    [
        ({}, (), "needs a version"),
        ({1: 0}, (), "from 1 to 1,000,000"),
        ({1: 1_000_001}, (), "from 1 to 1,000,000"),
        ({0: 1}, (), "numbered from 1"),
        ({1: 1}, (0,), "numbered from 1"),
        ({1: 1, 2: 1}, (2,), "its own shadow"),
        (dict.fromkeys(range(1, 18), 1), (), "at most 16"),
    ],
)
def test_what_can_be_no_route_says_why(weights, shadows, said):
    with pytest.raises(ValueError, match=said):
        Route.of(weights, shadows)


def test_everything_that_is_wrong_with_a_route_is_said():
    problems = find_problems({1: 0, 2: 1, 3: MOST_WEIGHT + 1}, (2, 3, 4))
    assert "that of version 1 is 0" in problems[0]
    assert "that of version 3 is 1000001" in problems[1]
    with pytest.raises(ValueError, match="; ") as caught:
        Route.of({1: 0, 2: 1, 3: MOST_WEIGHT + 1}, (2, 3, 4))
    assert str(caught.value).split("; ") == problems
    assert len(problems) == 4


def test_a_route_tells_what_it_is():
    assert str(Route.to(3)) == "version 3"
    assert str(Route.of({4: 10, 3: 90}, (5,))) == "versions 3 (0.9 of all), 4 (0.1 of all), shadowed by 5"
    assert Route.to(3).to_json() == {"version": 3}
    assert Route.of({3: 90, 4: 10}, (5,)).to_json() == {"weights": {"3": 90, "4": 10}, "shadows": [5]}
