"""What all roles share: the live model, where schemas come from, and what observes them."""

import time
from dataclasses import replace

from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.http.pages.status.routes import WATCHING_ROUTES
from scoreline.models.cache import ModelCache
from scoreline.models.compiled.outcomes import EngineState
from scoreline.models.compiled.upgrades import EngineUpgrades
from scoreline.models.compiled.versions import VersionCompiler
from scoreline.models.live import LiveVersions
from scoreline.models.loading import VersionLoader
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Reloader
from scoreline.models.selectors import find_only_model
from scoreline.models.store import RememberedStore
from scoreline.observability.client_log import ClientLog
from scoreline.observability.comparisons import Comparison, Comparisons
from scoreline.observability.dead_letters import DeadLetterLog
from scoreline.observability.health import ComponentHealth, HealthBoard
from scoreline.observability.latest_letters import LatestDeadLetters
from scoreline.observability.metrics import Metrics
from scoreline.observability.pace import RecentPace
from scoreline.observability.reload_log import ReloadLog
from scoreline.observability.stats import Stats
from scoreline.observability.store_log import StoreLog
from scoreline.observability.summary import Summary
from scoreline.observability.tee import ShadowTee
from scoreline.observability.upgrade_log import UpgradeLog
from scoreline.schemas.catalog import SchemaCatalog
from scoreline.schemas.configured import open_catalog
from scoreline.scoring.shadows import ShadowScorer
from scoreline.service.drift import open_drift
from scoreline.service.following import Follower
from scoreline.service.model_health import ModelHealth
from scoreline.service.traces import open_traces
from scoreline.stream.breaker import Breaker


class Parts:
    """Made once, before any role starts.

    Raises:
        ModelError: the configured model, or the version that its alias names, cannot be served.
        Unavailable: the store is away.
    """

    def __init__(self, settings: Settings, roles: frozenset[Role]) -> None:
        self.settings = settings
        self.roles = roles
        store_log = StoreLog()
        self.store = RememberedStore(settings.model_store, settings.cache_dir, observers=(store_log,))
        self.cache = ModelCache(settings.cache_dir, observers=(store_log,))
        self.model_name = settings.model or find_only_model(self.store)
        started = time.monotonic()
        self.versions = LiveVersions(
            self.store,
            self.model_name,
            settings.model_alias,
            cache=self.cache,
            max_resident=settings.model_max_resident,
        )
        self.metrics = Metrics()
        self.metrics.models_loaded(self.versions.live, time.monotonic() - started)
        self.metrics.watch_models(self.versions.resident)
        self.client_log = ClientLog()
        self.drift = open_drift(settings, self.versions, self.store, self.cache, self.metrics, self.client_log)
        reload_log = ReloadLog(settings.model_alias, self.versions.live)
        observers = (self.metrics, reload_log, self.drift.monitor)
        self.reloader = Reloader(self.versions, clock=time.monotonic, observers=observers)
        self.follower = Follower(self.reloader)
        self.comparisons = Comparisons()
        self.shadows = ShadowScorer(ShadowTee(self.metrics, self.comparisons))
        self.metrics.watch_shadows(self.compare_shadows)
        self.upgrades = self._open_upgrades()
        self.traces = open_traces(settings, self.model_name, self.metrics.spans)
        self.stats = Stats()
        self.summary = Summary(self.stats, sorted(roles))
        self.pace = RecentPace(self.stats, sorted(roles), but=WATCHING_ROUTES)
        self.dead_letter_log = DeadLetterLog()
        self.latest_letters = LatestDeadLetters()
        self.breaker = Breaker(settings.dead_letter_max_ratio, settings.dead_letter_window)
        self.health = HealthBoard()
        self.metrics.watch_health(self.health.report)
        self._stopping = False
        self.health.add(self._check_process)
        self.health.add(ModelHealth(self.versions, self.reloader).check)
        self.health.add(self.drift.check)

    def make_catalog(self) -> SchemaCatalog:
        """The schema registry that is configured: the folder, or a Confluent-compatible one."""
        return open_catalog(self.settings)

    def compare_shadows(self) -> list[Comparison]:
        """How shadows compare with what was answered, of versions that are loaded."""
        return self.comparisons.read([version.version for version in self.versions.resident()])

    def _open_upgrades(self) -> EngineUpgrades | None:
        """What compiles the versions that are loaded, where that is wanted."""
        if self.settings.model_engine != "compiled":
            return None
        loader = VersionLoader(self.store, self.cache)
        compiler = VersionCompiler(loader.read, self.settings.cache_dir)
        upgrades = EngineUpgrades(compiler, self.versions.improve, listeners=(self.metrics, UpgradeLog()))
        self.versions.watch_residents(upgrades.want)
        return upgrades

    def describe_engine(self, version: ModelVersion) -> EngineState:
        """What computes the scores of a loaded version, and what may soon, or never will."""
        engine = version.model.engine
        state = EngineState(engine) if self.upgrades is None else self.upgrades.describe(version.version)
        return replace(state, engine=engine)

    def stopping(self) -> None:
        """From now on nothing is ready: traffic should go elsewhere."""
        self._stopping = True

    def _check_process(self) -> ComponentHealth:
        detail = "stopping" if self._stopping else "running"
        return ComponentHealth("process", None, not self._stopping, alive=True, detail=detail)
