"""Gauges that compare shadows with what was answered; the series of a pair go with it."""

from collections.abc import Iterable

from prometheus_client import Gauge

from scoreline.observability.comparisons import QUANTILES, Comparison
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.exposition import Exposition


class ShadowGauges:
    """Shows comparisons; not safe between threads."""

    def __init__(self, show: Exposition) -> None:
        self._compared = show.gauge(catalogue.models.SHADOW_COMPARED)
        self._mean = show.gauge(catalogue.models.SHADOW_DIFFERENCE_MEAN)
        self._difference = show.gauge(catalogue.models.SHADOW_DIFFERENCE)
        self._agreement = show.gauge(catalogue.models.SHADOW_AGREEMENT)
        self._rank_correlation = show.gauge(catalogue.models.SHADOW_RANK_CORRELATION)

    def show(self, comparisons: Iterable[Comparison]) -> None:
        """Show these, and nothing of any other pair."""
        for gauge in (self._compared, self._mean, self._difference, self._agreement, self._rank_correlation):
            gauge.clear()
        for each in comparisons:
            pair = str(each.version), str(each.shadow)
            _set(self._compared, pair, each.count)
            _set(self._mean, pair, each.mean)
            _set(self._agreement, pair, each.agreement)
            _set(self._rank_correlation, pair, each.rank_correlation)
            for fraction, value in zip(QUANTILES, each.quantiles, strict=True):
                _set(self._difference, (*pair, str(fraction)), value)


def _set(gauge: Gauge, labels: tuple[str, ...], value: float | None) -> None:
    if value is not None:
        gauge.labels(*labels).set(value)
