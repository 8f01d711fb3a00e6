"""One version for everything, whatever anybody asks for."""

from scoreline.models.model import ModelVersion


class PinnedVersion:
    """Implements `scoreline.models.model.Versions` with a version that stays: every selector stands for it."""

    def __init__(self, version: ModelVersion) -> None:
        self._version = version

    def resolve(self, selector: str | None = None) -> ModelVersion:  # noqa: ARG002 - the port's name
        """The version."""
        return self._version

    def find_resident(self, selector: str) -> ModelVersion | None:  # noqa: ARG002 - the port's name
        """The version."""
        return self._version
