"""The versions that are loaded: the live one, and those that selectors ask for."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from scoreline.errors import ModelError, ModelNotFound, ModelRejected
from scoreline.models.cache import ModelCache
from scoreline.models.live_route import LiveRoute
from scoreline.models.loading import SharedFeatures, VersionLoader
from scoreline.models.model import ModelVersion
from scoreline.models.names import parse_number
from scoreline.models.recent import Recent
from scoreline.models.routes import Route
from scoreline.models.selectors import find_route
from scoreline.models.store import ModelStore
from scoreline.records import Clock

Load = Callable[[str, int], ModelVersion]
"""Loads a version by model name and number; raises as `scoreline.models.loading.VersionLoader.load` does."""

REJECTED_SECONDS = 600.0
"""How long a version that may not serve is not tried again: its files never change, and each try may cost a probe."""

PROBE_LIMIT_SECONDS = 20.0
"""Of a version that is first asked for while serving, since a batch waits for it. What takes longer on its first load
here can be verified ahead (`scoreline models verify`); the cache then spares it the probe."""


class LiveVersions:
    """Implements `scoreline.models.live_route.Versions` over a store. Safe to call from several threads at once.

    The default alias is resolved and its versions loaded while this is constructed; that route is live until `follow`
    has another. Others are loaded when a selector asks for them, each by one thread at a time, and the one that was not
    asked for longest goes first.
    """

    def __init__(
        self,
        store: ModelStore,
        name: str,
        alias: str,
        *,
        cache: ModelCache,
        load: Load | None = None,
        max_resident: int = 4,
        lookup_seconds: float = 10.0,
        clock: Clock = time.monotonic,
    ) -> None:
        """Load the live version.

        Args:
            alias: that selects the version when nobody says.
            cache: what this machine keeps of the store.
            load: in place of the loaders over store and cache.
            max_resident: how many versions stay loaded, those of the live route among them, which always do, as those
                of a route do that was asked for last.
            lookup_seconds: how long an answer of the store holds: what an alias means, that there is no such version.
            clock: seconds, monotonic.

        Raises:
            ModelNotFound: there is no such model or alias.
            ModelRejected: the version may not serve.
            Unavailable, Refused: the store is away or refuses.
        """
        self._store = store
        self._name = name
        self._alias = alias
        self._max_resident = max(1, max_resident)
        self._lock = threading.Lock()
        self._loading: dict[tuple[int, bool], threading.Lock] = {}
        self._meanings: Recent[str, Route] = Recent(lookup_seconds, clock=clock)
        self._refusals: Recent[str, ModelError] = Recent(lookup_seconds, clock=clock)
        self._rejections: Recent[tuple[int, bool], ModelError] = Recent(REJECTED_SECONDS, clock=clock)
        shared = SharedFeatures()
        hurried = VersionLoader(store, cache, shared=shared, probe_limit_seconds=PROBE_LIMIT_SECONDS)
        self._load = load or hurried.load
        self._load_patiently = load or VersionLoader(store, cache, shared=shared).load
        self._resident: OrderedDict[int, ModelVersion] = OrderedDict()
        self._telling = threading.Lock()
        self._tell_residents: Callable[[Sequence[ModelVersion]], None] = lambda _: None
        self._live, self._route = LiveRoute(()), Route.to(1)  # until what the alias means is loaded
        self._go_live(store.alias(name, alias))
        # From here on something serves, and what is looked at goes behind that.
        self._load_patiently = load or VersionLoader(store, cache, shared=shared, behind=True).load

    @property
    def name(self) -> str:
        """The model's name in the store."""
        return self._name

    @property
    def alias(self) -> str:
        """The alias that selects the version when nobody says."""
        return self._alias

    @property
    def live(self) -> LiveRoute:
        """What answers when nobody says."""
        return self._live

    @property
    def route(self) -> Route:
        """What the alias means, as far as it is live."""
        return self._route

    @property
    def outage(self) -> str | None:
        """Why the store cannot be asked, where something remembers what it has said; None while it answers."""
        return None if self._store.outage is None else self._store.outage.detail

    def follow(self, *, anew: bool = False) -> bool:
        """See `scoreline.models.reloading.Followed.follow`. No batch waits for it; the next one has what is new."""
        self._store.refresh()
        route = self._store.alias(self._name, self._alias)
        if route == self._route:
            return False
        if anew:
            self._rejections.forget()
            self._refusals.forget()
        self._go_live(route)
        return True

    def improve(self, version: ModelVersion) -> bool:
        """Put another computation of the same version in the place of the one that is loaded, from the next batch on.

        Returns:
            False where that version is not loaded any more.
        """
        with self._lock:
            if version.version not in self._resident:
                return False
            self._resident[version.version] = version
            self._live = self._live.replace(version)
        self._tell()
        return True

    def watch_residents(self, tell: Callable[[Sequence[ModelVersion]], None]) -> None:
        """Have this told, now and after every change, which versions are loaded, those that are live first.

        Args:
            tell: called on whatever thread has changed something; may not wait, and may not raise.
        """
        self._tell_residents = tell
        self._tell()

    def resident(self) -> tuple[ModelVersion, ...]:
        """The versions that are loaded now, by number."""
        with self._lock:
            return tuple(self._resident[number] for number in sorted(self._resident))

    def resolve(self, selector: str | None = None) -> LiveRoute:
        """See `scoreline.models.live_route.Versions.resolve`."""
        if selector is None or selector == self._alias:
            return self._live
        _raise_known(self._refusals.find(selector))
        try:
            route = self.find_route(selector)
            return LiveRoute.load(route, self._load_all(route, patiently=False))
        except (ModelNotFound, ModelRejected) as error:
            self._refusals.keep(selector, _without_frames(error))
            raise

    def find_resident(self, selector: str) -> LiveRoute | None:
        """See `scoreline.models.live_route.Versions.find_resident`."""
        if selector == self._alias:
            return self._live
        route = self._recall_route(selector)
        versions = [] if route is None else [self._find_resident(number) for number in route.versions]
        found = [version for version in versions if version is not None]
        return LiveRoute.load(route, found) if route is not None and len(found) == len(versions) else None

    def find_route(self, selector: str) -> Route:
        """What a selector means now; nothing is loaded.

        Raises:
            ModelNotFound: the store has answered, and has no such alias.
            Unavailable: the store is away.
        """
        if selector == self._alias:
            return self._route
        route = self._recall_route(selector)
        if route is None:
            route = find_route(self._store, self._name, selector)
            self._meanings.keep(selector, route)
        return route

    def _go_live(self, route: Route) -> None:
        """Nothing changes before every version of the route, shadows among them, is ready."""
        versions = self._load_all(route, patiently=True)
        with self._lock:
            # One may have been improved meanwhile, or gone because the others needed its place.
            versions = [self._resident.setdefault(version.version, version) for version in versions]
            self._live, self._route = LiveRoute.load(route, versions), route
            self._let_go()
        self._tell()

    def _load_all(self, route: Route, *, patiently: bool) -> list[ModelVersion]:
        """All at once, even where they are more than may stay: one by one, each batch would load them all again."""
        return [
            self._find_resident(each) or self._load_once(each, route, patiently=patiently) for each in route.versions
        ]

    def _recall_route(self, selector: str) -> Route | None:
        """What a selector means without asking the store, None where that takes asking."""
        number = parse_number(selector)
        if number is not None:
            return Route.to(number)
        return self._meanings.find(selector)

    def _find_resident(self, number: int) -> ModelVersion | None:
        with self._lock:
            version = self._resident.get(number)
            if version is not None:
                self._resident.move_to_end(number)
            return version

    def _load_once(self, number: int, route: Route, *, patiently: bool) -> ModelVersion:
        """Load a version unless another thread has done so meanwhile; who is in a hurry waits for no patient one."""
        with self._lock:
            turn = self._loading.setdefault((number, patiently), threading.Lock())
        with turn:
            try:
                return self._find_resident(number) or self._load_now(number, route, patiently=patiently)
            finally:
                with self._lock:
                    self._loading.pop((number, patiently), None)

    def _load_now(self, number: int, route: Route, *, patiently: bool) -> ModelVersion:
        """What was rejected in a hurry may only have taken too long; what was rejected with patience is no good."""
        _raise_known(self._rejections.find((number, True)))
        if not patiently:
            _raise_known(self._rejections.find((number, False)))
        try:
            version = (self._load_patiently if patiently else self._load)(self._name, number)
        except ModelRejected as error:
            self._rejections.keep((number, patiently), _without_frames(error))
            raise
        with self._lock:
            self._resident[number] = version
            self._let_go(but=route.versions)
        self._tell()
        return version

    def _tell(self) -> None:
        with self._telling:  # so that what is told last is what is true
            live = self._live.loaded
            self._tell_residents([*live, *(version for version in self.resident() if version not in live)])

    def _let_go(self, but: tuple[int, ...] = ()) -> None:
        """Forget versions that were not asked for longest; batches hold on to what they use. The lock is held."""
        kept = {version.version for version in self._live.loaded} | set(but)
        others = [number for number in self._resident if number not in kept]
        excess = max(0, len(self._resident) - self._max_resident)
        for number in others[:excess]:
            del self._resident[number]


def _raise_known(known: ModelError | None) -> None:
    if known is not None:
        raise _without_frames(known)


def _without_frames(error: ModelError) -> ModelError:
    """The same error anew: frames of a failed load hold the whole model text."""
    return type(error)(*error.args)
