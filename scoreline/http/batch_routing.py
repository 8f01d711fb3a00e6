"""Which version scores a job: chosen once, when it is submitted."""

from scoreline.errors import ModelNotFound
from scoreline.http.errors import NoLiveModel
from scoreline.http.pool import BoundedPool
from scoreline.http.selectors import check_selector
from scoreline.models.live_route import LiveRoute, Versions
from scoreline.models.model import ModelVersion


class JobRouting:
    """Chooses by the same rule as `/predict`. Use it from one event loop.

    Args:
        loading: threads on which the store is asked.
    """

    def __init__(self, versions: Versions, loading: BoundedPool) -> None:
        self._versions = versions
        self._loading = loading

    async def choose(self, selector: str | None, key: bytes) -> tuple[ModelVersion, tuple[str, ...]]:
        """The version for a key, and the names that others of its route know beyond it, ascending.

        Raises:
            ModelNotFound: no such version or alias.
            NoLiveModel: the configured alias names none.
            ModelRejected, Unavailable, DeadlineExceeded: it cannot be loaded.
        """
        route = await self._find_route(selector)
        version = route.only or route.choose(key)
        names = {name for each in route.loaded for name in each.model.features.names}
        return version, tuple(sorted(names.difference(version.model.features.names)))

    async def _find_route(self, selector: str | None) -> LiveRoute:
        if selector is None:
            try:
                return self._versions.resolve()
            except ModelNotFound as error:
                raise NoLiveModel("the configured alias names no version yet") from error
        resident = self._versions.find_resident(check_selector(selector))
        if resident is not None:
            return resident
        return await self._loading.run(lambda: self._versions.resolve(selector))
