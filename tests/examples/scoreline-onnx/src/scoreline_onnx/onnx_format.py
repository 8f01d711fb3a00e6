"""The format: recognizes ONNX files, describes them for a manifest, and loads them."""

from collections.abc import Sequence
from importlib.metadata import version

from scoreline.errors import ModelRejected
from scoreline.features import FeatureSet
from scoreline.models.formats import ColumnTypes, Description, FeatureStatement, Output, declare_features, name_classes
from scoreline.models.model import Model


class OnnxFormat:
    """ONNX graphs; implements `scoreline.models.formats.ModelFormat`."""

    name = "onnx"
    probe_bytes = 4 * 2**30
    """onnxruntime 1.32 with numpy takes 0.2 GiB before the model."""

    @property
    def runtime(self) -> str:
        """What decides about the bits of a score."""
        return f"onnxruntime {version('onnxruntime')} (scoreline-onnx {version('scoreline-onnx')})"

    def recognizes(self, artifact: bytes, file_name: str) -> bool:
        """By the file's name: protobuf has no first bytes of its own."""
        return file_name.endswith(".onnx")

    def describe(
        self,
        artifact: bytes,
        statements: Sequence[FeatureStatement],
        classes: Sequence[str] | None,
        types: ColumnTypes,
    ) -> Description:
        """Ask onnxruntime for inputs and outputs; what it does not know is the publisher's to say."""
        from scoreline_onnx.graph import Graph

        graph = Graph(artifact)
        features = declare_features(statements, names=graph.names, count=graph.columns)
        outputs = graph.count_scores()
        return Description(
            features=features,
            output=Output.VALUE if outputs == 1 else Output.PROBABILITIES,
            classes=name_classes(outputs, classes),
            training=graph.provenance,
        )

    def check(self, artifact: bytes, features: FeatureSet) -> None:
        """Only what is told without onnxruntime; the child process is there for the rest."""
        if not artifact:
            raise ModelRejected("the ONNX file is empty")

    def load(self, artifact: bytes, features: FeatureSet, classes: tuple[str, ...] | None) -> Model:
        """A session of its own for every version."""
        from scoreline_onnx.onnx_model import OnnxModel

        return OnnxModel(artifact, features, classes)
