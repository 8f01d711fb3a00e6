"""Which version scores a job: chosen once, when it is submitted, by the same rule as on every path."""

from scoreline.http.predict.version_finder import VersionFinder, find_others
from scoreline.models.model import ModelVersion


async def choose_version(
    finder: VersionFinder, selector: str | None, key: bytes
) -> tuple[ModelVersion, tuple[str, ...]]:
    """The version for a key, and the names that others of its route know beyond it, ascending.

    Raises:
        As `VersionFinder.find`.
    """
    route = await finder.find(selector)
    version = route.only or route.choose(key)
    names = {name for each in find_others(route) for name in each.names}
    return version, tuple(sorted(names.difference(version.model.features.names)))
