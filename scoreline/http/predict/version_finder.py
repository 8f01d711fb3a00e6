"""Which version answers a request: what its selector means, and which key chooses among several."""

from multidict import istr

from scoreline.errors import ModelNotFound
from scoreline.features import FeatureSet
from scoreline.http.errors import NoLiveModel
from scoreline.http.exchange import Call
from scoreline.http.pool import BoundedPool
from scoreline.http.selectors import check_selector
from scoreline.models.live_route import LiveRoute, Versions

_REQUEST_KEY = istr("X-Request-Key")


class VersionFinder:
    """Resolves selectors, and never has the event loop wait for the store."""

    def __init__(self, versions: Versions, loading: BoundedPool) -> None:
        self._versions = versions
        self._loading = loading

    async def find(self, selector: str | None) -> LiveRoute:
        """What a selector means now, loaded.

        Args:
            selector: None for the configured alias.

        Raises:
            NoLiveModel: the configured alias names no version.
            ModelNotFound: there is no such version or alias.
            ModelRejected: it may not serve.
            Unavailable: the store is away.
            Overloaded, DeadlineExceeded: too many versions are being loaded, or this one takes too long.
        """
        if selector is None:
            return self.find_live()
        resident = self._versions.find_resident(check_selector(selector))
        if resident is not None:
            return resident
        # The store has to be asked, and the version may have to be loaded: the loop must not wait for that.
        return await self._loading.run(lambda: self._versions.resolve(selector))

    def find_live(self) -> LiveRoute:
        """What the configured alias means now.

        Raises:
            NoLiveModel: it names no version.
        """
        try:
            return self._versions.resolve()
        except ModelNotFound as error:
            raise NoLiveModel("the configured alias names no version yet") from error


def find_others(route: LiveRoute) -> tuple[FeatureSet, ...]:
    """Features of all that a route has loaded, shadows too, where that is more than the one version that answers.

    Who sends what another of them takes has not made a mistake.
    """
    if route.only is not None and not route.shadows:
        return ()
    return tuple(each.model.features for each in route.loaded)


def find_key(call: Call, otherwise: str | None = None) -> bytes:
    """What chooses a version on a route: the caller's key, unless it is empty.

    Args:
        otherwise: chooses without a key; None for the id that the request is known by.
    """
    key = call.request.headers.get(_REQUEST_KEY) or otherwise or call.request_id
    return key.encode("utf-8", "surrogateescape")
