"""Reads the body of `infer`, its values left as they stand, and refuses what only binary requests have."""

import msgspec
from aiohttp import web
from multidict import istr

from scoreline.errors import MalformedRequest
from scoreline.http.errors import UnsupportedMediaType
from scoreline.http.inference_v2.bodies import InferRequest, TensorParameters
from scoreline.http.media_types import check_media_type
from scoreline.schemas.json_problems import shorten
from scoreline.schemas.json_split import NO_JSON, check_text, refuse_malformed

_HEADER_LENGTH = istr("Inference-Header-Content-Length")
_REQUEST = msgspec.json.Decoder(InferRequest)
_EXPECTED = (
    '{"inputs": [{"name": …, "shape": […], "datatype": …, "data": […]}, …]}, in which null stands for a missing value'
)
_NO_BINARY = (
    "tensors are taken and given as JSON here, not in the protocol's binary extension: give the data in the JSON"
    " body, and ask for outputs without binary_data"
)


def check_is_json(request: web.BaseRequest) -> None:
    """Refuse a body with tensors behind its JSON. A body may come without a Content-Type, as tritonclient sends it.

    Raises:
        UnsupportedMediaType: it has the header of the binary extension, or is of another type.
    """
    if _HEADER_LENGTH in request.headers:
        raise UnsupportedMediaType(_NO_BINARY)
    check_media_type(request, may_be_silent=True)


def read_request(body: bytes) -> InferRequest:
    """The request, with the data of its tensors not decoded.

    Raises:
        MalformedRequest: no JSON, another shape, or a form of tensors that is not served here.
        UnsupportedMediaType: a tensor is binary, or is asked for like that.
    """
    try:
        check_text(body)  # msgspec does not look at what it skips, nor at the data
        request = _REQUEST.decode(body)
    except NO_JSON as error:
        raise refuse_malformed(error, _EXPECTED) from error
    for tensor in request.inputs:
        _check_parameters(f"input {shorten(tensor.name)!r}", tensor.parameters)
    for output in request.outputs or ():
        _check_parameters(f"output {shorten(output.name)!r}", output.parameters)
    return request


def _check_parameters(tensor: str, parameters: TensorParameters | None) -> None:
    """What would make another answer is refused; everything else is none of this server's business."""
    if parameters is None:
        return
    if parameters.binary_data or parameters.binary_data_size is not None:
        raise UnsupportedMediaType(_NO_BINARY)
    for name in ("classification", "shared_memory_region"):
        if getattr(parameters, name) is not None:
            raise MalformedRequest(f"{tensor} has the parameter {name!r}, an extension that this server does not have")
