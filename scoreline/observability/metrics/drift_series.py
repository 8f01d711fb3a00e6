"""Series of drift as lines of an exposition: those of a version are written anew where something was judged since."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple

from prometheus_client.utils import floatToGoString

from scoreline.models.baseline.axes import OUTPUT_PREFIX, NumericAxis
from scoreline.observability.drift.judging import Reading
from scoreline.observability.drift.report import name_axes, rank_axes
from scoreline.observability.drift.states import State
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.written import write_labels

MOST_FEATURES = 500
"""Of a version, and as many outputs: those that the model uses most; `/drift` tells of all."""

FAMILIES = (
    catalogue.drift.DRIFT_STATE,
    catalogue.drift.DRIFT_SCORE,
    catalogue.drift.FEATURE_MISSING_RATIO,
    catalogue.drift.FEATURE_UNSEEN_RATIO,
    catalogue.drift.PREDICTION_MEAN,
)
_STATE, _SCORE, _MISSING, _UNSEEN, _MEAN = (family.full_name for family in FAMILIES)


class _Shown(NamedTuple):
    """What is shown of an axis: its place, and its labels as they are written; `output` is empty for a feature."""

    axis: int
    labels: str
    output: str


class _Written(NamedTuple):
    reading: Reading
    shown: Sequence[_Shown]
    samples: Sequence[str]


class SeriesWriter:
    """Writes the series of readings, family by family; for one thread at a time.

    Attributes:
        samples: of each of `FAMILIES`, as `WrittenGauges.swap` takes them.
    """

    def __init__(self) -> None:
        self._written: dict[int, _Written] = {}
        self.samples: Sequence[str] = [""] * len(FAMILIES)

    def write(self, readings: Sequence[Reading]) -> bool:
        """Write the series of these, and of nothing else; returns whether any has changed."""
        earlier = self._written
        written = {each.version.version: self._write(each) for each in readings}
        if list(written) == list(earlier) and all(written[number] is earlier[number] for number in written):
            return False
        self._written = written
        self.samples = ["".join(lines) for lines in zip(*(each.samples for each in written.values()), strict=True)]
        self.samples = self.samples or [""] * len(FAMILIES)
        return True

    def _write(self, reading: Reading) -> _Written:
        earlier = self._written.get(reading.version.version)
        if earlier is not None and earlier.reading is reading:
            return earlier
        if earlier is not None and earlier.reading.version is reading.version:
            shown = earlier.shown
        else:
            shown = list(_choose(reading))
        return _Written(reading, shown, _write_samples(reading, shown))


def _choose(reading: Reading) -> Iterator[_Shown]:
    names = name_axes(reading)
    features, number = len(reading.version.model.features), str(reading.version.version)
    ranked = rank_axes(reading.version, len(names))
    outputs, inputs = ranked[: len(names) - features], ranked[len(names) - features :]
    for axis in (*outputs[:MOST_FEATURES], *inputs[:MOST_FEATURES]):
        labels = write_labels(catalogue.drift.DRIFT_STATE.labels, (number, names[axis]))
        output = names[axis].removeprefix(OUTPUT_PREFIX)
        mean = "" if axis < features else write_labels(catalogue.drift.PREDICTION_MEAN.labels, (number, output))
        yield _Shown(axis, labels, mean)


def _write_samples(reading: Reading, shown: Sequence[_Shown]) -> Sequence[str]:
    judgement = reading.judgement
    states, scores, missing, unseen, means = lines = tuple[list[str], ...]([] for _ in FAMILIES)
    for axis, labels, output in shown:
        if judgement is None:
            states.append(f"{_STATE}{labels} {float(State.NO_DATA.level)}\n")
            continue
        judged = judgement.axes[axis]
        states.append(f"{_STATE}{labels} {float(judged.state.level)}\n")
        _add(scores, _SCORE, labels, judged.score)
        if output:
            _add(means, _MEAN, output, _find_mean(reading, axis))
        else:
            _add(missing, _MISSING, labels, judged.statistics.get("missing_ratio"))
            _add(unseen, _UNSEEN, labels, judged.statistics.get("unseen_ratio"))
    return ["".join(each) for each in lines]


def _add(lines: list[str], name: str, labels: str, value: float | None) -> None:
    if value is not None:
        written: str = floatToGoString(value)  # type: ignore[no-untyped-call]  # the library's
        lines.append(f"{name}{labels} {written}\n")


def _find_mean(reading: Reading, axis: int) -> float | None:
    """Of an output in the last window, whose rows all have one."""
    window = None if reading.judgement is None else reading.judgement.window
    if window is None or reading.baseline is None or not window.counts.rows:
        return None
    if not isinstance(reading.baseline.grid.axes[axis], NumericAxis):
        return None
    mean = float(window.counts.sums[axis]) / window.counts.rows
    return mean if isfinite(mean) else None
