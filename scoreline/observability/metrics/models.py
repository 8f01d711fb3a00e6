"""What of the metrics is about model versions; the series of a version go with it."""

import threading
from collections.abc import Callable, Iterable
from functools import partial

from prometheus_client import Counter

from scoreline.models.compiled.outcomes import Upgrade, UpgradeOutcome
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Look, ReloadOutcome
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.bounded import RecentChildren
from scoreline.observability.metrics.exposition import Exposition

UNCHANGED = ReloadOutcome.UNCHANGED
MAX_VERSIONS = 32
ANSWERING_PATHS = ("stream", "http", "jobs")
SHADOW_PATH = "shadow"


class ModelMetrics:
    """Shows which versions are loaded, and counts their predictions, looks at the alias and compilations.

    Every method may be called from any thread.
    """

    def __init__(self, show: Exposition) -> None:
        self._lock = threading.Lock()
        self._resident: Callable[[], Iterable[ModelVersion]] | None = None
        self._shown: set[tuple[str, str, str, str]] = set()
        self._info = show.gauge(catalogue.models.MODEL_INFO)
        self._predictions = show.counter(catalogue.stream.PREDICTIONS)
        reloads = show.counter(catalogue.models.MODEL_RELOADS)
        self._reloads = {each: reloads.labels(each.value) for each in ReloadOutcome if each is not UNCHANGED}
        self._load_seconds = show.histogram(catalogue.models.MODEL_LOAD_SECONDS).only
        compilations = show.counter(catalogue.models.MODEL_COMPILATIONS)
        self._compilations = {each: compilations.labels(each.value) for each in UpgradeOutcome}
        self._by_version = {path: self._recent_versions(path) for path in (*ANSWERING_PATHS, SHADOW_PATH)}

    def count_predictions(self, path: str, version: int, n: int) -> None:
        """Count predictions that a version has made on one of the ways in."""
        with self._lock:
            self._by_version[path].find(str(version)).inc(n)

    def loaded(self, live: LiveRoute, seconds: float) -> None:
        """Show versions that have become ready to serve, and count the time that it took."""
        self._load_seconds.add(seconds)
        with self._lock:
            for version in live.loaded:
                self._show_one(version)
            # Nothing is counted yet, so that the first predictions of a version are an increase for a scraper.
            for version in live.versions:
                for path in ANSWERING_PATHS:
                    self._by_version[path].find(str(version.version))
            for version in live.shadows:
                self._by_version[SHADOW_PATH].find(str(version.version))

    def looked(self, look: Look) -> None:
        """Count a look at the alias that found something."""
        if look.outcome in self._reloads:
            self._reloads[look.outcome].inc()
        if look.outcome is ReloadOutcome.RELOADED:
            self.loaded(look.live, look.load_seconds)

    def upgraded(self, upgrade: Upgrade) -> None:
        """Count an attempt to compile a version."""
        self._compilations[upgrade.outcome].inc()

    def watch(self, resident: Callable[[], Iterable[ModelVersion]]) -> None:
        """Ask this at every scrape which versions are loaded."""
        self._resident = resident

    def show(self) -> None:
        """Have the exposition show what is loaded now; what a version counted last is shown once more after it left."""
        if self._resident is None:
            return
        resident = list(self._resident())
        numbers = {str(version.version) for version in resident}
        with self._lock:
            gone, self._shown = self._shown, set()
            for version in resident:
                self._show_one(version)
            for labels in gone - self._shown:
                self._info.remove(*labels)
            for children in self._by_version.values():
                children.forget_unused(numbers)

    def _show_one(self, version: ModelVersion) -> None:
        labels = (version.name, str(version.version), version.sha256, version.model.engine)
        self._shown.add(labels)
        self._info.labels(*labels).set(1)

    def _recent_versions(self, path: str) -> RecentChildren[Counter]:
        predictions = self._predictions
        return RecentChildren(
            MAX_VERSIONS, make=partial(predictions.labels, path), forget=partial(predictions.remove, path)
        )
