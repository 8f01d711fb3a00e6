"""What goes in and out under `/v2`: the bodies of the Open Inference Protocol, version 2, as JSON."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

Size = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""One dimension of a shape."""

Data = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        description="the values in row-major order, flat or nested as the shape is; null where a feature may be null",
        extra_json_schema={"type": "array"},
    ),
]
"""Not decoded before it is known how many values there may be."""


class RequestParameters(msgspec.Struct, gc=False):
    """Parameters of a request: whatever they are, they change nothing here, and take no memory."""


class TensorParameters(msgspec.Struct, gc=False):
    """Parameters of a tensor: those that would make it another one are refused, all others are skipped.

    Attributes:
        binary_data, binary_data_size: ask for the binary extension.
        classification, shared_memory_region: ask for other extensions.
    """

    binary_data: bool | None = None
    binary_data_size: int | None = None
    classification: int | None = None
    shared_memory_region: str | None = None


class InferInput(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One tensor: a column by its feature's name, or the matrix of all features.

    Attributes:
        shape: [rows] or [rows, 1] of a column, [rows, features] of the matrix.
        datatype: see `scoreline.http.inference_v2.datatypes.DATATYPES`.
    """

    name: str
    shape: list[Size]
    datatype: str
    data: Data
    parameters: TensorParameters | None = None


class RequestedOutput(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An output that the caller wants to have."""

    name: str
    parameters: TensorParameters | None = None


class InferRequest(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The body of `infer`.

    Attributes:
        id: given back in the answer.
        outputs: those that are wanted, in this order; all where nobody says.
    """

    inputs: list[InferInput]
    id: str | None = None
    parameters: RequestParameters | None = None
    outputs: list[RequestedOutput] | None = None


class OutputTensor(msgspec.Struct, gc=False):
    """One output; its data is flat, in row-major order."""

    name: str
    datatype: str
    shape: list[int]
    data: Sequence[float | str]


class InferResponse(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """The answer of `infer`."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class TensorMetadata(msgspec.Struct):
    """A tensor as metadata describes it; -1 is the number of rows."""

    name: str
    datatype: str
    shape: list[int]


class MatrixInput(msgspec.Struct):
    """How all features are taken as the one input, under any name that is not a feature's, in the order of `inputs`."""

    datatype: str
    shape: list[int]


class ModelParameters(msgspec.Struct):
    """What metadata tells beyond the protocol.

    Attributes:
        version: the one that inputs and outputs are told of.
        matrix_input: None where columns by name are the only way.
    """

    version: str
    matrix_input: MatrixInput | None


class ModelMetadata(msgspec.Struct):
    """A model: what it is given and what it gives.

    Attributes:
        versions: all that can be asked for by number.
        platform: what computes the scores.
        inputs: one for each feature, in the model's order.
    """

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: ModelParameters


class ServerMetadata(msgspec.Struct):
    """The server: its name, its release, and the extensions of the protocol that it has."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(msgspec.Struct):
    """Whether the loops turn."""

    live: bool


class ServerReady(msgspec.Struct):
    """Whether models can be asked."""

    ready: bool


class ModelReady(msgspec.Struct):
    """Whether a model answers."""

    name: str
    ready: bool
