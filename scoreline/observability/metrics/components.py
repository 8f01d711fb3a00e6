"""Health as gauges: what `/health` says of each component, for those who only scrape."""

from collections.abc import Callable

from scoreline.observability.health import HealthReport
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.exposition import Exposition

EVERY_ROLE = "all"


class ComponentGauges:
    """Shows the board at the moment of a scrape; not safe between threads."""

    def __init__(self, show: Exposition) -> None:
        self._report: Callable[[], HealthReport] | None = None
        self._ready = show.gauge(catalogue.process.COMPONENT_READY)
        self._alive = show.gauge(catalogue.process.COMPONENT_ALIVE)

    def watch(self, report: Callable[[], HealthReport]) -> None:
        """Ask this at every scrape how the components are."""
        self._report = report

    def show(self) -> None:
        """Have the exposition show what every component says of itself now."""
        if self._report is None:
            return
        for component in self._report().components:
            labels = component.name, component.role or EVERY_ROLE
            self._ready.labels(*labels).set(component.ready)
            self._alive.labels(*labels).set(component.alive)
