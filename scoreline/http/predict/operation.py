"""What `POST /predict` takes and answers, and what other routes that score share with it."""

from typing import Annotated

import msgspec

from scoreline.errors import (
    InvalidInstances,
    ModelNotFound,
    ModelRejected,
    NotExplainable,
    Overloaded,
    Refused,
    RequestTooLarge,
    Unavailable,
)
from scoreline.http.errors import (
    BodyTooSlow,
    DeadlineExceeded,
    ExpectationFailed,
    NoLiveModel,
    UnsupportedMediaType,
)
from scoreline.http.openapi.operations import Location, Operation, Parameter, as_json
from scoreline.http.predict.explanations import MOST_EXPLAINED
from scoreline.http.predict.predictor import ClassPredictions, Predictions
from scoreline.http.selectors import SELECTOR


class Instance(msgspec.Struct):
    """A value for each feature. In the document the features of the live version stand in its place."""


BODY_PROBLEMS = (BodyTooSlow, RequestTooLarge, UnsupportedMediaType, ExpectationFailed)
"""Whatever reads a body may be answered with these."""

FINDING_PROBLEMS = (
    ModelNotFound,
    NoLiveModel,
    ModelRejected,
    Unavailable,
    Refused,
    Overloaded,
    DeadlineExceeded,
)
"""Whatever asks for a version may be answered with these."""

VERSION = Parameter(
    "version",
    Location.QUERY,
    SELECTOR,
    "A version number, an alias, or latest (the highest number); without it the version that is live.",
)

IGNORE_UNKNOWN = Parameter(
    "ignore_unknown",
    Location.QUERY,
    {"type": "string", "enum": ["true", "false"], "default": "false"},
    "Whether features that no version of the alias has are skipped; else they are refused.",
)

REQUEST_KEY = Parameter(
    "X-Request-Key",
    Location.HEADER,
    {"type": "string"},
    "Chooses the version where the alias is a route of several; without it the request's id does.",
)


def make_instances_type(name: str, max_instances: int) -> type[msgspec.Struct]:
    """A body with rows, which are answered in their order.

    Args:
        name: that no other type of the document has.
    """
    rows = Annotated[list[Instance], msgspec.Meta(min_length=1, max_length=max_instances)]
    return msgspec.defstruct(name, [("instances", rows)], forbid_unknown_fields=True)


def make_predict_operation(max_instances: int) -> Operation:
    """What the route takes and answers.

    Args:
        max_instances: that one request may have.
    """
    return Operation(
        description="Scores all instances with one version, or none of them. An absent feature is null. The features "
        "are those of the live version; another one that `version` selects may have others.",
        parameters=[
            VERSION,
            IGNORE_UNKNOWN,
            Parameter(
                "explain",
                Location.QUERY,
                {"type": "integer", "minimum": 1, "maximum": 999_999_999},
                "How many features of each instance are told with what they contributed, the weightiest first; at most "
                f"{MOST_EXPLAINED} instances are explained at once.",
            ),
            REQUEST_KEY,
        ],
        body=as_json(make_instances_type("Instances", max_instances)),
        answers={200: as_json(Predictions, ClassPredictions)},
        problems=[*BODY_PROBLEMS, *FINDING_PROBLEMS, InvalidInstances, NotExplainable],
    )
