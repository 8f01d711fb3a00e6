"""The manifest: what a published version is, as the JSON that commits it to the store."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scoreline.errors import ModelRejected
from scoreline.features import Feature, FeatureSet
from scoreline.models.inspection import Output

MODEL, GOLDEN, BASELINE_ROWS, BASELINE = "model", "golden", "baseline_rows", "baseline"
"""Roles of blobs."""

_CHECKSUM = "checksum"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """One immutable file of a version, named by its content.

    Attributes:
        sha256: of the content, hexadecimal.
        size: in bytes.
    """

    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"{self.sha256!r} is no sha256")
        if self.size < 0:
            raise ValueError(f"{self.size} is no size")

    @classmethod
    def of(cls, data: bytes) -> "Blob":
        """The blob that holds this content."""
        return cls(hashlib.sha256(data).hexdigest(), len(data))

    def check(self, data: bytes) -> None:
        """Refuse content that is not this blob's.

        Raises:
            ModelRejected: the size or the sha256 differs.
        """
        if len(data) != self.size:
            raise ModelRejected(f"blob {self.sha256[:12]}… has {len(data)} bytes, but should have {self.size}")
        actual = Blob.of(data).sha256
        if actual != self.sha256:
            raise ModelRejected(f"blob {self.sha256[:12]}… has the sha256 {actual[:12]}…: it was changed or damaged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a published version is. Keys that a newer writer added are ignored.

    Attributes:
        created: when it was published, ISO 8601 in UTC.
        by: who published it.
        format: name of the `scoreline.models.formats.ModelFormat` that loads the model; known here or not.
        blobs: by role; `model` is always there.
        output: what the scores mean.
        objective: as the format tells it, of LightGBM with its parameters; empty for a custom or unknown one.
        classes: names of the classes of a multi-class model, in the order of its scores.
        features: in the order of the matrix.
        training: facts about the training that nothing depends on.
    """

    name: str
    version: int
    created: str
    by: str
    format: str
    blobs: Mapping[str, Blob]
    output: Output
    objective: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.version < 1:
            raise ValueError(f"versions are numbered from 1, but this is {self.version}")
        if MODEL not in self.blobs:
            raise ValueError("there is no blob with the role 'model'")
        if not self.features:
            raise ValueError("there are no features")
        if (self.output is Output.PROBABILITIES) and not self.classes:
            raise ValueError("a multi-class model needs the names of its classes")
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError("the names of the classes repeat")
        FeatureSet(self.features)

    @property
    def feature_set(self) -> FeatureSet:
        """The features, ready to judge a matrix."""
        return FeatureSet(self.features)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON for people, with a checksum over everything else in it."""
    content = msgspec.to_builtins(manifest)
    content[_CHECKSUM] = _checksum(content)
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def decode_manifest(data: bytes, *, name: str, version: int) -> Manifest:
    """Read a manifest and check that it is whole and is the one that was asked for.

    Raises:
        ModelRejected: it is cut, or was changed after it was published.
    """
    where = f"the manifest of {name} {version}"
    try:
        content = msgspec.json.decode(data)
        if not isinstance(content, dict):
            raise ModelRejected(f"{where} is no JSON object")
        checksum = content.pop(_CHECKSUM, None)
        if checksum is not None and checksum != _checksum(content):
            raise ModelRejected(f"{where} was changed after it was published: its checksum does not fit")
        manifest = msgspec.convert(content, Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRejected(f"{where} is damaged: {error}") from error
    if (manifest.name, manifest.version) != (name, version):
        raise ModelRejected(f"{where} says that it is {manifest.name} {manifest.version}")
    return manifest


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
