"""Measures against scikit-learn, exactly over windows and within their bounds since the start."""

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error, roc_auc_score

from scoreline.models.inspection import Output
from scoreline.observability.labels.kinds import Kind, find_kind, read_targets
from scoreline.observability.labels.measures import Measures, measure_rows
from scoreline.observability.labels.totals import QualityTotals

SEEDS = range(5)


def make_binary(seed, rows=500, decimals=None):
    """Probabilities, with ties where they are rounded, and labels that they have something to do with."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(1, 8, rows)
    scores = scores if decimals is None else scores.round(decimals)
    return scores[:, np.newaxis], (rng.random(rows) < scores).astype(np.float64)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("decimals", [None, 1])
def test_measures_of_probabilities_are_those_of_scikit_learn(seed, decimals):
    scores, targets = make_binary(seed, decimals=decimals)
    measures = measure_rows(Kind.BINARY, scores, targets)

    assert measures.auc == pytest.approx(roc_auc_score(targets, scores[:, 0]), abs=1e-12)
    assert measures.log_loss == pytest.approx(log_loss(targets, scores[:, 0]), rel=1e-12)
    assert measures.error == pytest.approx(((scores[:, 0] > 0.5) != targets).mean(), abs=1e-12)
    assert measures.labels == len(targets)


def test_the_calibration_error_is_the_distance_of_each_bin_weighted_by_its_rows():
    scores = np.array([0.05, 0.05, 0.95, 0.95, 1.0])[:, np.newaxis]
    targets = np.array([0.0, 1.0, 1.0, 1.0, 0.0])
    first, last = abs(0.05 - 0.5), abs(2.9 / 3 - 2 / 3)

    assert measure_rows(Kind.BINARY, scores, targets).calibration_error == pytest.approx((2 * first + 3 * last) / 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_measures_of_classes_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet([1.0, 2.0, 3.0], 400)
    targets = rng.integers(0, 3, 400).astype(np.float64)
    measures = measure_rows(Kind.CLASSES, scores, targets)

    assert measures.log_loss == pytest.approx(log_loss(targets, scores, labels=[0, 1, 2]), rel=1e-9)
    assert measures.error == pytest.approx((scores.argmax(axis=1) != targets).mean(), abs=1e-12)
    assert measures.calibration_error == pytest.approx(abs_calibration(scores, targets), abs=1e-12)
    assert measures.auc is None


def abs_calibration(scores, targets):
    """By the definition, bin by bin."""
    chosen, hits = scores.max(axis=1), scores.argmax(axis=1) == targets
    bins = [(chosen >= low) & (chosen < low + 0.1) for low in np.arange(10) / 10]
    return sum(b.sum() / len(chosen) * abs(chosen[b].mean() - hits[b].mean()) for b in bins if b.any())


@pytest.mark.parametrize("seed", SEEDS)
def test_measures_of_a_regression_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    targets = rng.normal(100, 10, 300)
    scores = (targets + rng.normal(1, 3, 300))[:, np.newaxis]
    measures = measure_rows(Kind.REGRESSION, scores, targets)

    assert measures.absolute_error == pytest.approx(mean_absolute_error(targets, scores[:, 0]), rel=1e-12)
    expected = math.sqrt(mean_squared_error(targets, scores[:, 0]))
    assert measures.root_mean_squared_error == pytest.approx(expected, rel=1e-12)
    assert measures.bias == pytest.approx((scores[:, 0] - targets).mean(), rel=1e-12)
    assert measures.error is measures.log_loss is measures.calibration_error is None


def test_probabilities_of_nothing_and_of_certainty_have_a_finite_loss():
    measures = measure_rows(Kind.BINARY, np.array([[0.0], [1.0]]), np.array([1.0, 0.0]))

    assert measures.log_loss == pytest.approx(log_loss([1, 0], [0.0, 1.0]))
    assert (measures.auc, measures.error) == (0.0, 1.0)


def test_without_a_label_of_either_sort_there_is_no_area():
    assert measure_rows(Kind.BINARY, np.array([[0.25]]), np.array([1.0])).auc is None


def test_of_nothing_there_is_nothing_to_tell():
    for kind in Kind:
        assert measure_rows(kind, np.empty((0, 2)), np.empty(0)) == Measures(0)


def test_a_difference_beyond_all_doubles_is_told_as_nothing():
    measures = measure_rows(Kind.REGRESSION, np.array([[1e200], [1.0]]), np.array([-1e200, 0.0]))

    assert measures.root_mean_squared_error is None
    assert measures.bias == pytest.approx(1e200)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("parts", [1, 7])
def test_totals_of_parts_are_the_measures_of_the_whole_and_the_area_keeps_its_bound(seed, parts):
    scores, targets = make_binary(seed, 3000)
    exact = measure_rows(Kind.BINARY, scores, targets)
    totals = QualityTotals(Kind.BINARY)
    for some, known in zip(np.array_split(scores, parts), np.array_split(targets, parts), strict=True):
        totals.add(some, known)
    measures, within = totals.measure()

    assert 0 < within < 0.001
    assert measures.auc == pytest.approx(exact.auc, abs=within)
    for name in ("labels", "log_loss", "error", "calibration_error"):
        assert getattr(measures, name) == pytest.approx(getattr(exact, name), rel=1e-9)


def test_totals_of_a_regression_are_its_measures():
    scores, targets = np.array([[1.0], [2.0], [4.0]]), np.array([1.5, 2.0, 3.0])
    totals = QualityTotals(Kind.REGRESSION)
    totals.add(scores[:1], targets[:1])
    totals.add(scores[1:], targets[1:])

    assert totals.measure() == (measure_rows(Kind.REGRESSION, scores, targets), None)


def test_scores_that_only_rank_are_told_by_their_area_alone():
    scores, targets = np.array([[-300.0], [0.5], [7.0]]), np.array([0.0, 1.0, 1.0])

    assert measure_rows(Kind.RANKING, scores, targets) == Measures(3, auc=1.0)


@pytest.mark.parametrize(
    ("kind", "values", "targets"),
    [
        (Kind.BINARY, [0.0, 1.0, "1", "0", "TRUE", "false"], [0, 1, 1, 0, 1, 0]),
        (Kind.BINARY, [0.5, 2.0, math.nan, "yes", ""], [math.nan] * 5),
        (Kind.CLASSES, ["early", "late", 0.0, 1.0], [0, 1, 0, 1]),
        (Kind.CLASSES, ["never", 2.0, 0.5, -1.0, math.inf, "1"], [math.nan] * 6),
        (Kind.REGRESSION, [2.5, "-3e2", 0.0], [2.5, -300, 0]),
        (Kind.REGRESSION, [math.inf, math.nan, "far"], [math.nan] * 3),
        (Kind.RANKING, [1.0, 4.0], [1, math.nan]),
    ],
)
def test_what_is_no_label_of_its_kind_is_not_taken_for_one(kind, values, targets):
    found = read_targets(kind, ("early", "late"), values)

    assert np.array_equal(found, np.array(targets, dtype=np.float64), equal_nan=True)


def test_every_output_has_a_kind():
    assert [find_kind(output, None) for output in Output] == [
        Kind.REGRESSION,
        Kind.BINARY,
        Kind.CLASSES,
        Kind.RANKING,
        Kind.RANKING,
    ]
    assert find_kind(Output.PROBABILITIES, ("a", "b")) is Kind.CLASSES
    assert find_kind(Output.RAW, ("a", "b")) is Kind.ANSWERS


def test_raw_scores_of_classes_are_told_by_their_answers_alone():
    scores, targets = np.array([[-3.0, 4.0], [7.0, 5.0]]), np.array([1.0, 1.0])
    totals = QualityTotals(Kind.ANSWERS)
    totals.add(scores, targets)

    assert measure_rows(Kind.ANSWERS, scores, targets) == Measures(2, error=0.5) == totals.measure()[0]
