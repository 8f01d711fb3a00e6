"""What the routes of the Open Inference Protocol take and answer."""

from scoreline.errors import InvalidInstances
from scoreline.http.errors import UnknownModel
from scoreline.http.inference_v2.bodies import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from scoreline.http.openapi.operations import Location, Operation, Parameter, as_json
from scoreline.http.predict.operation import BODY_PROBLEMS, FINDING_PROBLEMS, REQUEST_KEY
from scoreline.http.selectors import SELECTOR

_NAME = Parameter("name", Location.PATH, {"type": "string"}, "Of the model that is served.", required=True)
_VERSION = Parameter(
    "version", Location.PATH, SELECTOR, "A version number, an alias, or latest (the highest number).", required=True
)
_FINDING = (UnknownModel, *FINDING_PROBLEMS)

SERVER = Operation(answers={200: as_json(ServerMetadata)})
LIVE = Operation(answers={200: as_json(ServerLive), 503: as_json(ServerLive)})
READY = Operation(answers={200: as_json(ServerReady), 503: as_json(ServerReady)})

MODEL = Operation(parameters=[_NAME, REQUEST_KEY], answers={200: as_json(ModelMetadata)}, problems=_FINDING)
VERSION = Operation(parameters=[_NAME, _VERSION, REQUEST_KEY], answers=MODEL.answers, problems=_FINDING)

MODEL_READY = Operation(parameters=[_NAME], answers={200: as_json(ModelReady)}, problems=_FINDING)
VERSION_READY = Operation(parameters=[_NAME, _VERSION], answers=MODEL_READY.answers, problems=_FINDING)

_TENSORS = (
    "A tensor for each feature, by its name, with the shape [rows] or [rows, 1]; or one of all features in the model's "
    "order, under a name that is no feature's, with the shape [rows, features]. JSON only."
)

INFER = Operation(
    description=_TENSORS,
    parameters=[_NAME, REQUEST_KEY],
    body=as_json(InferRequest),
    answers={200: as_json(InferResponse)},
    problems=[*BODY_PROBLEMS, *_FINDING, InvalidInstances],
)
INFER_VERSION = Operation(
    description=_TENSORS,
    parameters=[_NAME, _VERSION, REQUEST_KEY],
    body=INFER.body,
    answers=INFER.answers,
    problems=INFER.problems,
)
