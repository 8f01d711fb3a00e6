"""Object files that this machine keeps, found again only as they were written and where they fit."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scoreline.models.cache import named_cache_errors
from scoreline.models.compiled.native import describe_target
from scoreline.models.compiled.pieces import cut_pieces
from scoreline.models.files import replace_file

LAYOUT = 1
"""Of the code around the trees (`scoreline.models.compiled.forest`); raised when that changes."""

_DIGITS = 32
_KEPT = "compiled models"


class _Head(msgspec.Struct, frozen=True):
    """First line of a kept file; then come the object files, one after the other."""

    sha256: str
    sizes: tuple[int, ...]


class Artifacts:
    """Object files by the sha256 of their model, in one folder. Safe to share between threads and processes.

    A file is named by its model and by everything that decides whether it fits: versions, processor, flags. Its first
    line holds the sha256 of the rest: LLVM trusts what it loads, and would end the process over a damaged file.
    """

    def __init__(self, folder: Path, *, environment: str | None = None) -> None:
        """Name the folder; it is made when something is kept.

        Args:
            environment: in place of this process's.
        """
        self._folder = folder
        self._environment = environment if environment is not None else describe_environment()

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self._folder

    def find(self, model_sha256: str) -> tuple[bytes, ...] | None:
        """The object files of a model; None where there are none, or they are damaged.

        Raises:
            Unavailable, Refused: the folder cannot be read.
        """
        with named_cache_errors(_KEPT, describe=_describe):
            try:
                data = self._path(model_sha256).read_bytes()
            except FileNotFoundError:
                return None
        line, _, body = data.partition(b"\n")
        try:
            head = msgspec.json.decode(line, type=_Head)
        except msgspec.MsgspecError:
            return None  # as good as not there: it is compiled again and replaced
        if hashlib.sha256(body).hexdigest() != head.sha256 or sum(head.sizes) != len(body):
            return None
        return tuple(cut_pieces(body, head.sizes))

    def keep(self, model_sha256: str, objects: Sequence[bytes]) -> None:
        """Keep what was compiled, in the place of what may be there.

        Raises:
            Unavailable, Refused: the folder cannot be written.
        """
        body = b"".join(objects)
        head = _Head(hashlib.sha256(body).hexdigest(), tuple(map(len, objects)))
        with named_cache_errors(_KEPT, describe=_describe):
            replace_file(self._path(model_sha256), msgspec.json.encode(head) + b"\n" + body)

    def was_proved(self, model_sha256: str, objects: Sequence[bytes]) -> bool:
        """Whether a child process on this machine has loaded these files and agreed with LightGBM.

        Raises:
            Unavailable, Refused: the folder cannot be read.
        """
        with named_cache_errors(_KEPT, describe=_describe):
            return self._proof_path(model_sha256, objects).exists()

    def remember_proved(self, model_sha256: str, objects: Sequence[bytes]) -> None:
        """Note that a child process has.

        Raises:
            Unavailable, Refused: the folder cannot be written.
        """
        with named_cache_errors(_KEPT, describe=_describe):
            replace_file(self._proof_path(model_sha256, objects), self._environment.encode())

    def _path(self, model_sha256: str) -> Path:
        return self._folder / f"{model_sha256}-{_digest(self._environment)}.objects"

    def _proof_path(self, model_sha256: str, objects: Sequence[bytes]) -> Path:
        content = hashlib.sha256(b"".join(objects)).hexdigest()
        machine = _digest(f"{self._environment} {platform.node()}")
        return self._folder / "proved" / f"{model_sha256[:_DIGITS]}-{content[:_DIGITS]}-{machine}"


def describe_environment() -> str:
    """What decides whether an object file fits: the libraries that make and judge it, the processor, the flags."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("lleaves", "lightgbm")]
    return " ".join([f"layout {LAYOUT}", *versions, f"python {platform.python_version()}", describe_target()])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _describe(error: OSError) -> str:
    """Without the file's name: `/models` shows it to people who may not know the machine."""
    return error.strerror or type(error).__name__
