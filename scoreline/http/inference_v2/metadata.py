"""What a version says of itself in the words of the Open Inference Protocol."""

from collections.abc import Sequence

from scoreline import __version__
from scoreline.http.inference_v2.bodies import (
    MatrixInput,
    ModelMetadata,
    ModelParameters,
    ServerMetadata,
    TensorMetadata,
)
from scoreline.http.inference_v2.datatypes import Sort, choose_datatype, list_matrix_sorts
from scoreline.http.inference_v2.outputs import describe_outputs
from scoreline.models.model import ModelVersion

_ROWS = -1


def describe_server() -> ServerMetadata:
    """The server; it has no extensions, not even the binary one."""
    return ServerMetadata("scoreline", __version__, [])


def describe_model(version: ModelVersion, numbers: Sequence[str]) -> ModelMetadata:
    """A version.

    Args:
        numbers: all versions of the model that can be asked for.
    """
    features = version.model.features
    return ModelMetadata(
        name=version.name,
        versions=list(numbers),
        platform=version.model.engine,
        inputs=[TensorMetadata(each.name, choose_datatype(each), [_ROWS]) for each in features],
        outputs=list(describe_outputs(version).values()),
        parameters=ModelParameters(str(version.version), _describe_matrix(version)),
    )


def _describe_matrix(version: ModelVersion) -> MatrixInput | None:
    """None where a value cannot be a number, or where a matrix would be the same as a column."""
    features = version.model.features
    if len(features) == 1 or not all(Sort.NUMBER in list_matrix_sorts(each) for each in features):
        return None
    return MatrixInput("FP64", [_ROWS, len(features)])
