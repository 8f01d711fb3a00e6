"""What an axis looked like and looks like, as bars for people: bins put together, with labels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from scoreline.models.baseline.axes import BINS, Axis, CategoricalAxis, NumericAxis

NUMERIC_BARS = 16
MOST_BARS = 24
"""Of a histogram that is not asked for whole."""

UNSEEN, MISSING, OTHER = "unseen", "missing", "other"

LARGEST_PLAIN = 1e15
"""Up to here a number of thousands is told without an exponent."""

Shares = npt.NDArray[np.float64]
Bins = npt.NDArray[np.int64]


class Histogram(TypedDict):
    """Bars of both, in the same order; shares of all rows, which add up to 1; `window` is empty without a window."""

    labels: list[str]
    baseline: list[float]
    window: list[float]


def make_histogram(axis: Axis, baseline: Bins, window: Bins | None, *, whole: bool = False) -> Histogram:
    """The bars of one axis.

    Args:
        baseline, window: how many values fell into each of its bins; shape (axis.size,).
        whole: whether every bin is a bar, however many there are.
    """
    before, after = _find_shares(baseline), None if window is None else _find_shares(window)
    if isinstance(axis, NumericAxis):
        labels, groups = _group_numbers(axis, BINS if whole else NUMERIC_BARS)
    else:
        labels, groups = _group_levels(axis, before if after is None else np.maximum(before, after), whole=whole)
    return {
        "labels": labels,
        "baseline": _merge(before, groups, len(labels)),
        "window": [] if after is None else _merge(after, groups, len(labels)),
    }


def _find_shares(bins: Bins) -> Shares:
    return bins / max(1, int(bins.sum()))


def _merge(shares: Shares, groups: npt.NDArray[np.intp], bars: int) -> list[float]:
    merged: list[float] = np.bincount(groups, weights=shares, minlength=bars).tolist()
    return [float(f"{share:.4g}") for share in merged]


def _group_numbers(axis: NumericAxis, bars: int) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Under, equal numbers of bins together, over, missing."""
    parts = np.linspace(0.0, 1.0, bars + 1)
    width = axis.highest - axis.lowest
    ends = axis.lowest + (np.expm1(parts * np.log1p(width)) if axis.logarithmic else parts * width)
    told = _tell_apart(ends.tolist())
    inside = [f"{low} to {high}" for low, high in pairwise(told)]
    labels = [f"under {told[0]}", *inside, f"over {told[-1]}", MISSING]
    groups = np.concatenate([[0], np.arange(BINS) // (BINS // bars) + 1, [bars + 1, bars + 2]]).astype(np.intp)
    return labels, groups


def _tell_apart(ends: Sequence[float]) -> list[str]:
    """As few digits as tell each end from the next."""
    for digits in range(3, 17):
        told = [_show(end, digits) for end in ends]
        if len(set(told)) == len(set(ends)):
            return told
    return list(map(str, ends))


def _show(end: float, digits: int) -> str:
    text = f"{end:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(end) < LARGEST_PLAIN else text


def _group_levels(axis: CategoricalAxis, shares: Shares, *, whole: bool) -> tuple[list[str], npt.NDArray[np.intp]]:
    """The largest levels in the order of their codes, all others as one, unseen, missing."""
    names = list(map(str, range(axis.codes) if axis.levels is None else axis.levels))
    names += [str(code) for code in range(len(names), axis.codes)]
    room = MOST_BARS - 3
    if whole or axis.codes <= room + 1:
        chosen = np.arange(axis.codes)
        labels = names[: axis.codes]
    else:
        chosen = np.sort(np.argsort(-shares[: axis.codes], kind="stable")[:room])
        labels = [*(names[code] for code in chosen.tolist()), OTHER]
    groups = np.full(axis.size, len(labels) - 1, dtype=np.intp)
    groups[chosen] = np.arange(len(chosen))
    groups[-2:] = len(labels), len(labels) + 1
    return [*labels, UNSEEN, MISSING], groups
