"""Gauges whose samples are written down before a scraper asks: thousands of series of which few change in between."""

from collections.abc import Sequence

from prometheus_client import exposition
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from scoreline.observability.metrics.catalogue import Declared

END = b"# EOF\n"
"""Of an exposition in OpenMetrics."""

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def write_labels(names: Sequence[str], values: Sequence[str]) -> str:
    """Labels as both formats write them, in braces; their names in alphabetical order."""
    pairs = sorted(zip(names, values, strict=True))
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in pairs) + "}"


class WrittenGauges:
    """A few declared families of gauges; `swap` may be called by any thread while others write them out."""

    def __init__(self, declared: Sequence[Declared]) -> None:
        self._declared = declared
        families = [_Family(each) for each in declared]
        self._text_heads = [exposition.generate_latest(family) for family in families]
        self._openmetrics_heads = [
            openmetrics.generate_latest(family).removesuffix(END)  # type: ignore[no-untyped-call]  # the library's
            for family in families
        ]
        self._samples: Sequence[bytes] = [b""] * len(declared)

    def describe(self) -> Sequence[Metric]:
        """The families without samples, so that a second one of its name is refused."""
        return [metric for each in self._declared for metric in _Family(each).collect()]

    def collect(self) -> Sequence[Metric]:
        """Nothing: samples are written, not collected."""
        return []

    def swap(self, samples: Sequence[str]) -> None:
        """Put these in the place of all samples.

        Args:
            samples: of each family, as lines: name, labels of `write_labels`, a space and a number.
        """
        if len(samples) != len(self._declared):
            raise ValueError(f"samples of {len(samples)} families, expected {len(self._declared)}")
        self._samples = [lines.encode() for lines in samples]

    def write(self, *, in_openmetrics: bool) -> bytes:
        """All families; a gauge's sample is the same in both formats."""
        heads = self._openmetrics_heads if in_openmetrics else self._text_heads
        samples = self._samples
        return b"".join(part for pair in zip(heads, samples, strict=True) for part in pair)


class _Family:
    """A registry of one family without samples, for the library to write its head."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared

    def collect(self) -> Sequence[Metric]:
        declared = self._declared
        return [
            GaugeMetricFamily(declared.full_name, declared.meaning, labels=declared.labels, unit=declared.named_unit)
        ]
