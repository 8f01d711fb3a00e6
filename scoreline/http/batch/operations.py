"""What the routes of batch jobs take and answer."""

from typing import Annotated, Any

import msgspec

from scoreline.errors import DeliveryError, Overloaded, Refused, ResultsGone, Unavailable
from scoreline.http.batch.bodies import Job, Jobs, ResultsPage
from scoreline.http.batch.body import NDJSON
from scoreline.http.batch.jobs import DEFAULT_LISTED, INLINE_ROWS, MOST_LISTED
from scoreline.http.batch.results import DEFAULT_PAGE, MOST_PAGE
from scoreline.http.errors import (
    DeadlineExceeded,
    IdempotencyKeyReused,
    JobNotFinished,
    JobNotFound,
    JobsUnavailable,
    NoResults,
)
from scoreline.http.openapi.operations import Content, Location, Operation, Parameter, as_json
from scoreline.http.predict.operation import BODY_PROBLEMS, FINDING_PROBLEMS, IGNORE_UNKNOWN, REQUEST_KEY, VERSION
from scoreline.jobs.identity import MOST_KEY_CHARACTERS

_ABOUT_ROWS = "Rows as of `POST /predict`. One that is not so is told of in the results, and refuses nothing."


class JobRows(msgspec.Struct, forbid_unknown_fields=True):
    """The rows of a job that are few enough for one JSON body."""

    instances: Annotated[list[Any], msgspec.Meta(min_length=1, description=_ABOUT_ROWS)]


_AWAY = (JobsUnavailable, Unavailable, Refused, DeadlineExceeded)
_FINDING_A_JOB = (JobNotFound, ResultsGone, *_AWAY)
_JOB_ID = Parameter(
    "job_id",
    Location.PATH,
    {"type": "string", "format": "uuid"},
    "As `POST /batch` has answered it, in lower case.",
    required=True,
)

SUBMIT = Operation(
    description="Answered once every row is in Kafka: from then on the job goes on whatever becomes of this service. "
    f"The version is chosen now. As `{NDJSON}` a job may have far more rows, one a line.",
    parameters=[
        VERSION,
        IGNORE_UNKNOWN,
        Parameter(
            "Idempotency-Key",
            Location.HEADER,
            {"type": "string", "pattern": f"^[!-~]{{1,{MOST_KEY_CHARACTERS}}}$"},
            "The same caller gets the same job for the same key; another body under it is refused.",
        ),
        REQUEST_KEY,
    ],
    body=[*as_json(JobRows), Content(NDJSON)],
    answers={202: as_json(Job)},
    problems=[*BODY_PROBLEMS, *FINDING_PROBLEMS, *_AWAY, DeliveryError, IdempotencyKeyReused],
)

LIST = Operation(
    parameters=[
        Parameter(
            "limit",
            Location.QUERY,
            {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": DEFAULT_LISTED},
            "How many jobs.",
        )
    ],
    answers={200: as_json(Jobs)},
    problems=_AWAY,
)

SHOW = Operation(
    description=f"Of a job of at most {INLINE_ROWS} rows its results are with it, else it says where they are.",
    parameters=[_JOB_ID],
    answers={200: as_json(Job)},
    problems=[*_FINDING_A_JOB, Overloaded],
)

CANCEL = Operation(
    description="A job that has ended stays as it is.",
    parameters=[_JOB_ID],
    answers={200: as_json(Job)},
    problems=[*_FINDING_A_JOB, DeliveryError],
)

SHOW_RESULTS = Operation(
    description=f"A page, or without a query, or where the Accept header names `{NDJSON}`, all of them as lines.",
    parameters=[
        _JOB_ID,
        Parameter(
            "offset",
            Location.QUERY,
            {"type": "integer", "minimum": 0, "maximum": 999_999_999_999, "default": 0},
            "The first row, counted from 0.",
        ),
        Parameter(
            "limit",
            Location.QUERY,
            {"type": "integer", "minimum": 1, "maximum": MOST_PAGE, "default": DEFAULT_PAGE},
            "How many rows a page has; of lines there may be more.",
        ),
    ],
    answers={200: [*as_json(ResultsPage), Content(NDJSON)]},
    problems=[*_FINDING_A_JOB, JobNotFinished, NoResults, Overloaded],
)
