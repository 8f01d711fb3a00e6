"""How a scraper sees declared metrics: Prometheus text or OpenMetrics, from a registry of their own."""

import threading
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, exposition
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from scoreline.observability.metrics.catalogue import Declared
from scoreline.observability.metrics.histogram import Histogram
from scoreline.observability.metrics.written import END, WrittenGauges


class Exposition:
    """A registry without anything global; makes declared families and writes them out, process metrics beside them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._written: list[WrittenGauges] = []

    def counter(self, declared: Declared) -> Counter:
        """A declared family of counters."""
        name, unit = declared.full_name, declared.named_unit
        return Counter(name, declared.meaning, declared.labels, unit=unit, registry=self._registry)

    def gauge(self, declared: Declared) -> Gauge:
        """A declared family of gauges."""
        name, unit = declared.full_name, declared.named_unit
        return Gauge(name, declared.meaning, declared.labels, unit=unit, registry=self._registry)

    def histogram(self, declared: Declared) -> "HistogramFamily":
        """A declared family of histograms."""
        family = HistogramFamily(declared)
        self._registry.register(family)
        return family

    def written_gauges(self, *declared: Declared) -> WrittenGauges:
        """Declared families of gauges, for many series; they come behind all others."""
        families = WrittenGauges(declared)
        self._registry.register(families)
        self._written.append(families)
        return families

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics where the Accept header prefers it, else text."""
        families = _WithoutCreated(self._registry)
        if prefers_openmetrics(accept):
            collected: bytes = openmetrics.generate_latest(families)  # type: ignore[no-untyped-call]  # the library's
            written = [each.write(in_openmetrics=True) for each in self._written]
            return b"".join([collected.removesuffix(END), *written, END]), openmetrics.CONTENT_TYPE_LATEST
        written = [each.write(in_openmetrics=False) for each in self._written]
        return b"".join([exposition.generate_latest(families), *written]), exposition.CONTENT_TYPE_PLAIN_0_0_4


class HistogramFamily:
    """The histograms of a declared family, which has one label at most, as a collector of prometheus_client."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._bounds = [*map(str, declared.bounds), "+Inf"]
        self._children: dict[str, Histogram] = {}
        self._lock = threading.Lock()

    @property
    def only(self) -> Histogram:
        """The one histogram of a family without a label."""
        return self.child("")

    def child(self, value: str) -> Histogram:
        """The histogram of a label value, made when it is first asked for."""
        with self._lock:
            found = self._children.get(value)
            if found is None:
                found = self._children[value] = Histogram(self._declared.bounds)
            return found

    def describe(self) -> Iterable[Metric]:
        """The family without samples, so that a second one of its name is refused."""
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        """The family with the samples of now."""
        family = self._family()
        with self._lock:
            children = list(self._children.items())
        for value, histogram in children:
            cumulative, total = histogram.read()
            labels = [value] if self._declared.labels else []
            family.add_metric(labels, list(zip(self._bounds, cumulative, strict=True)), total)
        return [family]

    def _family(self) -> HistogramMetricFamily:
        declared = self._declared
        return HistogramMetricFamily(
            declared.full_name, declared.meaning, labels=declared.labels, unit=declared.named_unit
        )


class _WithoutCreated:
    """A registry without the creation times, which would double the series and tell a scraper nothing it lacks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        """All families, without the samples called `_created`."""
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def prefers_openmetrics(accept: str) -> bool:
    """Whether an Accept header, however odd, gives OpenMetrics at least the weight of plain text, and any at all."""
    weights = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for accepted in accept.split(","):
        media_type, *parameters = (part.strip() for part in accepted.lower().split(";"))
        if media_type in weights:
            given = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            weight = float(given) if given.isascii() and given.replace(".", "", 1).isdigit() else 0.0
            weights[media_type] = max(weights[media_type], weight)
    return weights["application/openmetrics-text"] >= max(weights["text/plain"], 1e-3)
