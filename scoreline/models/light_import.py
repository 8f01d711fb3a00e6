"""Importing LightGBM without what it imports where it is installed: a second and 130 MB that a prediction needs not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_UNNEEDED = ("pandas", "sklearn", "pyarrow", "matplotlib", "graphviz", "dask", "polars")


@contextmanager
def without_unneeded(module: str) -> Iterator[None]:
    """Make LightGBM's optional companions unimportable for as long as this lasts.

    Where the module or one of the companions is imported already, somebody trains in this process, and needs them
    together: then nothing is hidden. An import of a companion on another thread would fail meanwhile, so this belongs
    at the top of the one module that serves.

    Args:
        module: what is about to be imported.
    """
    hidden = () if any(sys.modules.get(name) for name in (module, *_UNNEEDED)) else _UNNEEDED
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # makes an import fail at once
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
