"""What comes of compiling a version: for who asked, for observers, and for `/models`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from scoreline.models.compiled.model import CompiledModel
from scoreline.models.model import ModelVersion


@dataclass(frozen=True, slots=True)
class Compilation:
    """What came of it.

    Attributes:
        model: None where it was refused.
        refused: why LightGBM goes on; None where the model may serve.
        cached: whether the code was kept from an earlier time.
        equal_rows: share of the compared rows that have the same bits; 1.0 where they were compared earlier.
        unkept: why the next process has to compile it again; empty where it has not.
    """

    model: CompiledModel | None
    refused: str | None = None
    cached: bool = False
    equal_rows: float = 1.0
    unkept: str = ""


class UpgradeOutcome(StrEnum):
    """What came of an attempt to compile a version."""

    COMPILED = "compiled"
    CACHED = "cached"  # this machine had compiled it before
    REFUSED = "refused"  # LightGBM goes on, for a reason in the model
    FAILED = "failed"  # LightGBM goes on, for a reason outside it; tried again later


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An attempt to compile a version, and what came of it.

    Attributes:
        version: that answers from now on: compiled, or as it was.
        detail: why it is not compiled; empty where it is.
        seconds: that the attempt took.
        equal_rows: share of the compared rows whose scores have the same bits as LightGBM's.
        unkept: see `Compilation`.
    """

    version: ModelVersion
    outcome: UpgradeOutcome
    seconds: float
    detail: str = ""
    equal_rows: float = 1.0
    unkept: str = ""


class UpgradeListener(Protocol):
    """Learns of every attempt that was not called off; may not raise."""

    def upgraded(self, upgrade: Upgrade) -> None:
        """Take note of an attempt."""
        ...


@dataclass(frozen=True, slots=True)
class EngineState:
    """What computes a version's scores, and why.

    Attributes:
        engine: `lightgbm` or `compiled`.
        compiling: whether it is being compiled right now.
        refused: why LightGBM computes them; None where nothing stands against compiling, or it is done.
    """

    engine: str
    compiling: bool = False
    refused: str | None = None
