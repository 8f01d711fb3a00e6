"""The interface that scoreline knows a format by: recognize, describe, check, load."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from scoreline.features import FeatureSet
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.frames import ColumnTypes
from scoreline.models.golden import Row
from scoreline.models.inspection import Output
from scoreline.models.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What an artifact is, as its manifest will say.

    Attributes:
        features: in the order of the matrix that the model takes.
        classes: names of the classes in the order of the scores; None where a row has one score.
        objective: what it was trained for, in the words of its library; empty where that is not known.
        training: facts about the training that nothing depends on; values that JSON has.
        synthetic_rows: golden rows for when the publisher gives none; None where they cannot be made up.
    """

    features: FeatureSet
    output: Output
    classes: tuple[str, ...] | None = None
    objective: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    synthetic_rows: Sequence[Row] | None = None

    def __post_init__(self) -> None:
        if not len(self.features):
            raise ValueError("a model has at least one feature")
        if self.output is Output.PROBABILITIES and not self.classes:
            raise ValueError("a model whose scores are probabilities needs the names of its classes")
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError("the names of the classes repeat")
        msgspec.json.encode(self.training)


class ModelFormat(Protocol):
    """One kind of artifact. Immutable; importing and making it loads no heavy library."""

    @property
    def name(self) -> str:
        """As in a manifest's `format` and as the entry point is named."""
        ...

    @property
    def runtime(self) -> str:
        """What computes the scores, with every version that may change them, as in `lightgbm 4.6.0`.

        A version is probed again where this has changed. Costs no import of the library.
        """
        ...

    @property
    def probe_bytes(self) -> int | None:
        """Address space that the child which first loads an artifact may take, beyond 64 bytes for each of its bytes.

        None for no limit: a GPU's driver reserves far more than it uses.
        """
        ...

    def recognizes(self, artifact: bytes, file_name: str) -> bool:
        """Whether a file that is to be published looks like this format; never raises.

        Args:
            file_name: empty where there is no file.
        """
        ...

    def describe(
        self,
        artifact: bytes,
        statements: Sequence[FeatureStatement],
        classes: Sequence[str] | None,
        types: ColumnTypes,
    ) -> Description:
        """Read what an artifact says of itself, completed by what its publisher says of features and classes.

        Called in the publisher's process, before any probe.

        Args:
            types: what the columns of the publisher's rows tell of features; a statement goes before it.

        Raises:
            ConfigError: what was said contradicts the artifact, or is not enough.
            ModelRejected: the artifact is damaged, unsafe, or of a kind that cannot be served.
        """
        ...

    def check(self, artifact: bytes, features: FeatureSet) -> None:
        """Find what would harm the library that loads it, or answer wrongly, without that library.

        Called in the child, before `load`.

        Args:
            features: as the manifest has them.

        Raises:
            ModelRejected: the artifact is damaged, or the manifest's features contradict it.
        """
        ...

    def load(self, artifact: bytes, features: FeatureSet, classes: tuple[str, ...] | None) -> Model:
        """Make the model; first in a child process, whose crash hurts nobody, then where it serves.

        Args:
            features: as the manifest has them; the model's `features` from then on.
            classes: as the manifest has them.

        Raises:
            ModelRejected: the library refuses it, or it has other features or outputs than the manifest says.
            ImportError: the library is not installed, or does not load on this machine.
        """
        ...
