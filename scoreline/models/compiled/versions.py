"""Compiles versions of a store: what a compilation starts from is read where the version was loaded from."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scoreline.errors import ConfigError
from scoreline.models.booster import LightGBMModel
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.outcomes import Compilation
from scoreline.models.golden import Golden
from scoreline.models.model import ModelVersion

if TYPE_CHECKING:
    from scoreline.models.compiled.compiler import ModelCompiler

INSTALL_HINT = "pip install 'scoreline[compiled]'"

Read = Callable[[str, int], tuple[bytes, Golden]]
"""The model text and golden rows of a version; raises as `scoreline.models.loading.VersionLoader.read` does."""


class VersionCompiler:
    """Implements `scoreline.models.compiled.upgrades.Compile`. Safe to call from several threads at once."""

    def __init__(self, read: Read, cache_dir: Path) -> None:
        """Name where versions are read, and the cache folder; LLVM is loaded with the first version (48 MB)."""
        self._read = read
        self._folder = cache_dir / "compiled"
        self._lock = threading.Lock()
        self._compiler: ModelCompiler | None = None

    def __call__(self, version: ModelVersion, cancellation: Cancellation) -> Compilation:
        """Compile a version that LightGBM serves.

        Raises:
            ConfigError: the extra is not installed.
            ModelError: the store has no such version any more.
            Unavailable, Refused: see `scoreline.models.compiled.compiler.ModelCompiler.compile`.
        """
        plain = version.model
        if not isinstance(plain, LightGBMModel):
            return Compilation(None, refused=f"it is of the engine {plain.engine!r}; only LightGBM's are compiled")
        text, golden = self._read(version.name, version.version)
        return self._find_compiler().compile(plain, version.sha256, text, golden, cancellation)

    def _find_compiler(self) -> "ModelCompiler":
        with self._lock:
            if self._compiler is None:
                self._compiler = _make_compiler(self._folder)
            return self._compiler


def _make_compiler(folder: Path) -> "ModelCompiler":
    try:
        from scoreline.models.compiled.artifacts import Artifacts
        from scoreline.models.compiled.compiler import ModelCompiler
    except ImportError as error:
        raise ConfigError(f"SCORELINE_MODEL_ENGINE=compiled needs an extra: {INSTALL_HINT} ({error})") from error
    return ModelCompiler(Artifacts(folder))
