"""One version for everything, whatever anybody asks for."""

from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion


class PinnedVersion:
    """Implements `scoreline.models.live_route.Versions` with a version that stays: every selector stands for it."""

    def __init__(self, version: ModelVersion) -> None:
        self._route = LiveRoute((version,))

    def resolve(self, selector: str | None = None) -> LiveRoute:  # noqa: ARG002 - the port's name
        """The version."""
        return self._route

    def find_resident(self, selector: str) -> LiveRoute | None:  # noqa: ARG002 - the port's name
        """The version."""
        return self._route
