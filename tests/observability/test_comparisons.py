"""What is said of a pair of versions, against the same worked out the long way."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.models.routes import MOST_VERSIONS, Route
from scoreline.observability.comparisons import (
    LARGEST_DIFFERENCE,
    MOST_PAIRS,
    QUANTILES,
    RANKED_ROWS,
    SMALLEST_DIFFERENCE,
    Comparisons,
    correlate_ranks,
)
from scoreline.observability.metrics import Metrics
from scoreline.observability.quantiles import RELATIVE_ERROR
from scoreline.observability.tee import ShadowTee
from scoreline.testing.fakes import WeightedSum
from tests.observability.test_metrics import read, value

SCORES = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))
PAIRS = st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=60)
CLASSES = ("early", "on time", "late")


def make_version(number, classes=None):
    return ModelVersion("flights", number, "", WeightedSum([Feature("x")], [1.0], classes))


def compare(scores, shadowed, *, batches=1, classes=None, shadow_classes=None):
    """What is known after the rows have come in so many batches."""
    comparisons = Comparisons()
    answered, shadow = make_version(1, classes), make_version(2, shadow_classes)
    for some, others in zip(np.array_split(scores, batches), np.array_split(shadowed, batches), strict=True):
        if len(some):
            comparisons.shadow_scored(answered, shadow, some, others)
    (found,) = comparisons.read([1, 2])
    return found


def rank(values):
    """Of each value the mean of the ranks that it shares with its equals, from 1."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]


def correlate(first, second):
    """Spearman's as the books have it: Pearson's of the ranks."""
    a, b = rank(first), rank(second)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    together = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    spread = math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return together / spread if spread else None


@settings(max_examples=70)
@given(PAIRS, st.integers(1, 5))
def test_count_mean_and_quantiles_are_those_of_the_differences(pairs, batches):
    scores, shadowed = np.array(pairs).T
    found = compare(scores, shadowed, batches=batches)
    differences = np.sort(shadowed - scores)
    assert (found.version, found.shadow, found.count) == (1, 2, len(pairs))
    assert found.mean == pytest.approx(differences.mean(), rel=1e-9, abs=1e-6)
    assert found.agreement is None
    for fraction, quantile in zip(QUANTILES, found.quantiles, strict=True):
        exact = differences[max(1, math.ceil(round(fraction * len(pairs), 6))) - 1]
        assert quantile == pytest.approx(exact, rel=RELATIVE_ERROR + 1e-9, abs=SMALLEST_DIFFERENCE)


@pytest.mark.slow
@settings(max_examples=70)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=40))
def test_the_rank_correlation_is_spearmans_ties_and_all(pairs):
    first, second = ([float(x) for x in side] for side in zip(*pairs, strict=True))
    expected = correlate(first, second)
    assert correlate_ranks(np.array(first), np.array(second)) == (expected and pytest.approx(expected, abs=1e-12))
    assert compare(np.array(first), np.array(second), batches=3).rank_correlation == (
        expected and pytest.approx(expected, abs=1e-12)
    )


@pytest.mark.parametrize(
    ("shadowed", "expected"), [([1, 2, 3], 1.0), ([9, 4, 1], -1.0), ([2, 2, 2], None), ([0, 0, 5], math.sqrt(0.75))]
)
def test_rank_correlations_that_can_be_worked_out_by_hand(shadowed, expected):
    found = correlate_ranks(np.array([0.1, 0.5, 0.7]), np.array(shadowed, dtype=float))
    assert found == (expected and pytest.approx(expected))


def test_one_row_has_no_rank_correlation():
    assert correlate_ranks(np.array([1.0]), np.array([2.0])) is None


def test_ranks_are_those_of_the_latest_rows_and_all_the_rest_is_of_all_rows():
    random = np.random.default_rng(5)
    scores = random.normal(size=3 * RANKED_ROWS + 17)
    shadowed = scores.copy()
    shadowed[:-RANKED_ROWS] = random.normal(size=len(scores) - RANKED_ROWS)
    found = compare(scores, shadowed, batches=50)
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.count == len(scores)
    assert found.mean == pytest.approx((shadowed - scores).mean())


def test_a_batch_of_more_rows_than_are_ranked_counts_with_its_last():
    scores = np.arange(2.5 * RANKED_ROWS)
    shadowed = np.where(scores < 1.5 * RANKED_ROWS, -scores, scores)
    assert compare(scores, shadowed).rank_correlation == pytest.approx(1.0)


@pytest.mark.parametrize("size", [2 * SMALLEST_DIFFERENCE, 3e-9, 1.0, 5e6, 4e9, LARGEST_DIFFERENCE / 2])
def test_differences_of_any_size_have_their_quantiles(size):
    """Scores may be probabilities that hardly differ, or sums of money."""
    differences = np.concatenate([np.full(30, -size), np.zeros(40), np.full(30, 2 * size)])
    found = compare(np.zeros(100), differences)
    assert found.quantiles == pytest.approx((-size, 0.0, 2 * size), rel=RELATIVE_ERROR + 1e-9)
    assert found.mean == pytest.approx(0.3 * size)


def test_differences_that_are_too_large_for_a_double_are_counted_and_left_out():
    scores, shadowed = np.array([1.7e308, 1.0, 0.0, -1.7e308]), np.array([-1.7e308, 2.0, 1.0, 1.7e308])
    found = compare(scores, shadowed, batches=2)
    assert (found.count, found.overflowed, found.mean) == (4, 2, 1.0)
    assert found.quantiles == pytest.approx((1.0, 1.0, 1.0), rel=RELATIVE_ERROR + 1e-9)


def test_the_mean_of_the_largest_differences_is_finite_and_their_quantiles_are_the_end():
    found = compare(np.zeros(40), np.full(40, 1.5e308), batches=4)
    assert (found.mean, found.overflowed) == (1.5e308, 0)
    assert found.quantiles == pytest.approx((LARGEST_DIFFERENCE,) * 3, rel=RELATIVE_ERROR + 1e-9)


def test_classes_are_compared_by_their_labels_and_by_the_score_of_the_class_that_was_answered():
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2]])
    shadowed = np.array([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.3, 0.5, 0.2]])
    found = compare(scores, shadowed, batches=2, classes=CLASSES, shadow_classes=CLASSES)
    assert (found.count, found.agreement, found.rank_correlation) == (4, 0.5, None)
    assert found.mean == pytest.approx((-0.1 - 0.5 + 0.2 - 0.1) / 4)
    assert found.quantiles == pytest.approx((-0.5, -0.1, 0.2), rel=RELATIVE_ERROR + 1e-9)


def test_classes_in_another_order_agree_by_name_but_their_scores_do_not_compare():
    scores, shadowed = np.array([[0.7, 0.3], [0.2, 0.8]]), np.array([[0.1, 0.9], [0.3, 0.7]])
    found = compare(scores, shadowed, classes=("late", "on time"), shadow_classes=("on time", "late"))
    assert (found.count, found.agreement, found.mean, found.quantiles) == (2, 0.5, None, (None, None, None))


@settings(max_examples=50)
@given(st.lists(st.lists(st.floats(0, 1), min_size=6, max_size=6), min_size=1, max_size=30), st.integers(1, 3))
def test_agreement_is_the_share_of_rows_with_one_label(rows, batches):
    matrix = np.array(rows)
    found = compare(matrix[:, :3], matrix[:, 3:], batches=batches, classes=CLASSES, shadow_classes=CLASSES)
    same = [row[:3].index(max(row[:3])) == row[3:].index(max(row[3:])) for row in rows]
    assert found.agreement == pytest.approx(sum(same) / len(same))


def test_a_score_and_classes_are_counted_and_nothing_else_is_said():
    found = compare(np.zeros(3), np.zeros((3, 2)), shadow_classes=("a", "b"))
    assert (found.count, found.mean, found.agreement, found.rank_correlation) == (3, None, None, None)


def test_pairs_of_versions_that_are_not_loaded_any_more_are_forgotten_for_good():
    comparisons = Comparisons()
    for answered, shadow in ((1, 3), (2, 3), (1, 4)):
        comparisons.shadow_scored(make_version(answered), make_version(shadow), np.zeros(2), np.ones(2))
    assert [(each.version, each.shadow) for each in comparisons.read([1, 2, 3, 4])] == [(1, 3), (1, 4), (2, 3)]
    assert [(each.version, each.shadow) for each in comparisons.read([1, 3])] == [(1, 3)]
    comparisons.shadow_scored(make_version(2), make_version(3), np.zeros(5), np.ones(5))
    assert [each.count for each in comparisons.read([1, 2, 3, 4])] == [2, 5]


def test_so_many_pairs_are_kept_and_those_without_news_go_first():
    comparisons = Comparisons()
    for shadow in range(2, MOST_PAIRS + 12):
        comparisons.shadow_scored(make_version(1), make_version(shadow), np.zeros(1), np.zeros(1))
        comparisons.shadow_scored(make_version(1), make_version(2), np.zeros(1), np.zeros(1))
    kept = [each.shadow for each in comparisons.read(range(100))]
    assert len(kept) == MOST_PAIRS
    assert kept[:2] == [2, 13]


def test_all_pairs_that_one_route_can_have_are_kept():
    route = Route.of(dict.fromkeys(range(1, 9), 1), tuple(range(9, MOST_VERSIONS + 1)))
    comparisons = Comparisons()
    for answered in route.answering:
        for shadow in route.shadows:
            comparisons.shadow_scored(make_version(answered), make_version(shadow), np.zeros(1), np.zeros(1))
    assert len(comparisons.read(route.versions)) == 64


def test_threads_that_compare_at_once_lose_nothing():
    comparisons = Comparisons()

    def compare_many():
        for _ in range(60):
            comparisons.shadow_scored(make_version(1), make_version(2), np.zeros(3), np.ones(3))

    threads = [threading.Thread(target=compare_many) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        comparisons.read([1, 2])
    for thread in threads:
        thread.join()
    (found,) = comparisons.read([1, 2])
    assert (found.count, found.mean) == (540, 1.0)


def show(metrics, comparisons, loaded):
    metrics.watch_shadows(lambda: comparisons.read(loaded))
    return {
        (
            name.removeprefix("scoreline_shadow_"),
            *(dict(labels)[n] for n in ("version", "shadow", "fraction") if n in dict(labels)),
        ): number
        for (name, labels), number in read(metrics).items()
        if name.startswith("scoreline_shadow_") and not name.endswith("_total")
    }


def test_a_scraper_sees_the_comparison_until_one_of_the_pair_is_gone():
    metrics, comparisons = Metrics(), Comparisons()
    tee = ShadowTee(metrics, comparisons)
    tee.shadow_scored(make_version(1), make_version(2), np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.5, 4.5]))
    tee.shadow_dropped(7)
    half = pytest.approx(0.5, rel=RELATIVE_ERROR + 1e-9)
    assert show(metrics, comparisons, [1, 2]) == {
        ("compared", "1", "2"): 3,
        ("difference_mean", "1", "2"): 0.5,
        ("rank_correlation", "1", "2"): pytest.approx(1.0),
        ("difference", "1", "2", "0.05"): half,
        ("difference", "1", "2", "0.5"): half,
        ("difference", "1", "2", "0.95"): half,
    }
    assert value(metrics, "predictions_total", path="shadow", version="2") == 3
    assert value(metrics, "shadow_dropped_total") == 7
    assert show(metrics, comparisons, [1]) == {}
    assert value(metrics, "predictions_total", path="shadow", version="2") == 3


def test_a_scraper_sees_of_classes_whether_they_agree():
    metrics, comparisons = Metrics(), Comparisons()
    both = [make_version(number, ("a", "b")) for number in (1, 2)]
    ShadowTee(metrics, comparisons).shadow_scored(*both, np.array([[0.9, 0.1]] * 2), np.array([[0.8, 0.2], [0.2, 0.8]]))
    shown = show(metrics, comparisons, [1, 2])
    assert shown["agreement_ratio", "1", "2"] == 0.5
    assert shown["difference_mean", "1", "2"] == pytest.approx(-0.4)
    assert ("rank_correlation", "1", "2") not in shown
