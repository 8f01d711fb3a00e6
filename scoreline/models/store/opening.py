"""Which storage a store's URL means: one that an installed package brings, else a folder or what fsspec knows."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from scoreline.config.urls import find_scheme, hide_credentials, mask_url
from scoreline.errors import ConfigError, ServiceError
from scoreline.models.store.fsspec_objects import FsspecObjects
from scoreline.models.store.objects import ObjectStore

GROUP = "scoreline.model_stores"
"""Entry points by scheme; each is an `OpenObjects`."""

OpenObjects = Callable[[str], ObjectStore]
"""Opens the store at a URL; raises ConfigError for one that it cannot use, and does not reach out yet."""

_BUILT_IN = ("file", "memory", "s3")


def open_objects(url: str) -> ObjectStore:
    """The storage at a URL; nothing is read or written yet.

    Raises:
        ConfigError: the scheme is unknown, needs an extra or a package, or is claimed twice.
    """
    scheme = find_scheme(url)
    if scheme in ("", "file"):
        return FsspecObjects(url)
    brought = {entry for entry in entry_points(group=GROUP) if entry.name.lower() == scheme}
    if brought:
        return _open_brought(url, scheme, brought)
    try:
        return FsspecObjects(url)
    except ConfigError as error:
        raise ConfigError(f"{error}; {_describe_known()}") from error


def _open_brought(url: str, scheme: str, brought: set[EntryPoint]) -> ObjectStore:
    if len(brought) > 1:
        packages = ", ".join(sorted(_package_of(entry) for entry in brought))
        raise ConfigError(
            f"{len(brought)} packages bring the model store {scheme}://: {packages}; uninstall all but one"
        )
    (entry,) = brought
    try:
        return cast("OpenObjects", entry.load())(url)
    except ServiceError:
        raise
    except Exception as error:
        told = hide_credentials(url, f"{type(error).__name__}: {error}")
        raise ConfigError(
            f"the model store {mask_url(url)} cannot be used: {_package_of(entry)}, which brings it, fails: {told}"
        ) from error


def _package_of(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _describe_known() -> str:
    brought = sorted({entry.name for entry in entry_points(group=GROUP)} - set(_BUILT_IN))
    known = ", ".join([f"{scheme}://" for scheme in (*_BUILT_IN, *brought)])
    return (
        f"known are a folder, {known} (s3:// with pip install 'scoreline[s3]'), and what fsspec has a package for, "
        "such as gs:// with gcsfs"
    )
