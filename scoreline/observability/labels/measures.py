"""Measures of quality over rows of scores and targets, as scikit-learn defines them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoreline.models.model import Scores
from scoreline.observability.labels.kinds import Kind
from scoreline.observability.ranks import find_ranks

CALIBRATION_BINS = 10
EPSILON = float(np.finfo(np.float64).eps)
"""A probability counts as at least this, and as at most 1 less this: the logarithm of nothing is infinite."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measures:
    """How good some predictions were; None where a measure does not fit the kind, or nothing was measured.

    Attributes:
        labels: how many predictions were measured.
        auc: area under the ROC curve, ties count half; None without a label of either sort.
        log_loss: mean negative logarithm of the probability of what was true.
        error: share of wrong answers, where a probability above 0.5, or the largest one, is the answer.
        calibration_error: expected calibration error over 10 bins of equal width: how far the probability of the
            answer (binary: of the label 1) is from how often it was true, weighted by the bins' rows.
        absolute_error, root_mean_squared_error, bias: of the score minus the label, in the label's unit.
    """

    labels: int
    auc: float | None = None
    log_loss: float | None = None
    error: float | None = None
    calibration_error: float | None = None
    absolute_error: float | None = None
    root_mean_squared_error: float | None = None
    bias: float | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What each row adds to the measures; all of shape (rows,), empty where a measure does not fit the kind.

    Attributes:
        confidences: the probability that calibration is about.
        hits: 1 where what it is the probability of was true, else 0.
        differences: score minus label.
    """

    losses: Doubles
    wrongs: Doubles
    confidences: Doubles
    hits: Doubles
    differences: Doubles


def mark_rows(kind: Kind, scores: Scores, targets: Doubles) -> Marks:
    """Mark rows.

    Args:
        scores: shape (rows, classes); one column for all kinds but `CLASSES` and `ANSWERS`.
        targets: as `read_targets` gives them, none NaN; shape (rows,).
    """
    nothing = np.empty(0)
    if kind is Kind.BINARY:
        chances = scores[:, 0]
        losses = _find_losses(np.where(targets == 1, chances, 1 - chances))
        return Marks(losses, ((chances > 0.5) != targets).astype(np.float64), chances, targets, nothing)
    if kind is Kind.CLASSES:
        answers = scores.argmax(axis=1)
        hits = (answers == targets).astype(np.float64)
        losses = _find_losses(np.take_along_axis(scores, targets.astype(np.intp)[:, np.newaxis], axis=1)[:, 0])
        return Marks(losses, 1 - hits, scores.max(axis=1), hits, nothing)
    if kind is Kind.ANSWERS:
        return Marks(nothing, (scores.argmax(axis=1) != targets).astype(np.float64), nothing, nothing, nothing)
    if kind is Kind.REGRESSION:
        with np.errstate(over="ignore"):  # told as None
            return Marks(nothing, nothing, nothing, nothing, scores[:, 0] - targets)
    return Marks(nothing, nothing, nothing, nothing, nothing)


def measure_rows(kind: Kind, scores: Scores, targets: Doubles) -> Measures:
    """Measure rows, exactly; arguments as for `mark_rows`."""
    marks = mark_rows(kind, scores, targets)
    with np.errstate(over="ignore"):
        squares = np.square(marks.differences)
        return Measures(
            labels=len(targets),
            auc=find_auc(scores[:, 0], targets) if kind in (Kind.BINARY, Kind.RANKING) else None,
            log_loss=find_mean(marks.losses.sum(), len(marks.losses)),
            error=find_mean(marks.wrongs.sum(), len(marks.wrongs)),
            calibration_error=find_calibration_error(bin_calibration(marks)),
            absolute_error=find_mean(np.abs(marks.differences).sum(), len(marks.differences)),
            root_mean_squared_error=find_root(squares.sum(), len(squares)),
            bias=find_mean(marks.differences.sum(), len(marks.differences)),
        )


def find_auc(scores: Doubles, targets: Doubles) -> float | None:
    """The share of pairs of a label 1 and a label 0 in which the former has the higher score; ties count half."""
    positives = int(targets.sum())
    pairs = positives * (len(targets) - positives)
    if not pairs:
        return None
    above = float(find_ranks(scores)[targets == 1].sum()) - positives * (positives + 1) / 2
    return above / pairs


def bin_calibration(marks: Marks) -> Doubles:
    """Rows, sum of confidences and hits of each bin of confidence; shape (3, `CALIBRATION_BINS`)."""
    bins = np.clip(marks.confidences * CALIBRATION_BINS, 0, CALIBRATION_BINS - 1).astype(np.intp)
    weights = (None, marks.confidences, marks.hits)
    return np.stack([np.bincount(bins, each, CALIBRATION_BINS).astype(np.float64) for each in weights])


def find_calibration_error(bins: Doubles) -> float | None:
    """The expected calibration error of such bins."""
    return find_mean(float(np.abs(bins[1] - bins[2]).sum()), int(bins[0].sum()))


def find_mean(total: float, rows: int) -> float | None:
    """None without rows, and where the total is too large for a double."""
    return float(total) / rows if rows and np.isfinite(total) else None


def find_root(total: float, rows: int) -> float | None:
    """The root of the mean."""
    mean = find_mean(total, rows)
    return None if mean is None else float(np.sqrt(mean))


def _find_losses(chances: Doubles) -> Doubles:
    return -np.log(np.clip(chances, EPSILON, 1 - EPSILON))
