"""What `/health` says of the model: what answers, and whether that is what the alias means."""

from scoreline.models.live import LiveVersions
from scoreline.models.reloading import Reloader
from scoreline.observability.health import ComponentHealth


class ModelHealth:
    """Describes the live versions to anybody, token or not: reasons, which may hold paths, are for `/models`."""

    def __init__(self, versions: LiveVersions, reloader: Reloader) -> None:
        self._versions = versions
        self._reloader = reloader

    def check(self) -> ComponentHealth:
        """Ready as long as a version answers, whatever its alias means by now."""
        live, latest = self._versions.live, self._reloader.latest
        engines = ", ".join(sorted({version.model.engine for version in live.versions}))
        detail = f"{self._versions.name} {live} ({self._versions.alias}), {engines}"
        if latest.detail:
            detail += f"; it goes on although the alias may mean another one: {latest.outcome}; /models says why"
        return ComponentHealth("model", None, ready=True, alive=True, detail=detail)
