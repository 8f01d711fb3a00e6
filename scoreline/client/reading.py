"""Answers of a sidecar → values and errors. Unknown members are skipped: a newer sidecar may tell more."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from scoreline.client.answers import (
    Contribution,
    Explanation,
    Health,
    Job,
    JobStatus,
    Models,
    Predictions,
    RowResult,
)
from scoreline.client.errors import RowError, UnreadableAnswer
from scoreline.client.exchange import Reply

T = TypeVar("T")

_SHOWN = 200


def read_json(reply: Reply) -> Mapping[str, Any]:
    """The JSON object of an answer.

    Raises:
        UnreadableAnswer: it is none.
    """
    try:
        found = json.loads(reply.body)
    except ValueError as error:
        raise UnreadableAnswer(f"expected JSON as a sidecar answers, but got {reply.body[:_SHOWN]!r}") from error
    if not isinstance(found, dict):
        raise UnreadableAnswer(f"expected a JSON object as a sidecar answers, but got {reply.body[:_SHOWN]!r}")
    return found


def read_predictions(reply: Reply) -> Predictions:
    """The answer to `POST /predict`."""
    return _read(reply, lambda told: _make_predictions(told, reply.headers.get("x-request-id")))


def read_job(reply: Reply) -> Job:
    """One job."""
    return _read(reply, _make_job)


def read_jobs(reply: Reply) -> tuple[Job, ...]:
    """The recent jobs."""
    return _read(reply, lambda told: tuple(_make_job(job) for job in told["jobs"]))


def read_health(reply: Reply) -> Health:
    """How the process is; a sidecar that is not ready says so with the same words under another status."""
    return _read(reply, lambda told: Health(reply.status == 200, told["status"], tuple(told["components"])))


def read_models(reply: Reply) -> Models:
    """The served model's versions and aliases."""
    return _read(
        reply,
        lambda told: Models(
            told["model"], tuple(int(each["version"]) for each in told["versions"]), told.get("aliases", {}), told
        ),
    )


def read_answering(reply: Reply, member: str | None = None) -> tuple[int, ...]:
    """Numbers of the versions that answer, from what tells of one or of a route.

    Args:
        member: of the answer that tells it; None for the answer itself.
    """
    return _read(reply, lambda told: _make_answering(told if member is None else told[member]))


def read_features(reply: Reply) -> tuple[str, ...]:
    """Names of a version's features, in the order of its matrix."""
    return _read(reply, lambda told: tuple(str(each["name"]) for each in told["features"]))


def read_row(line: bytes) -> RowResult:
    """One line of a job's results.

    Raises:
        UnreadableAnswer: it is none.
    """
    try:
        return _make_row(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableAnswer(f"expected a line with the result of a row, but got {line[:_SHOWN]!r}") from error


def read_errors(told: Any) -> tuple[RowError, ...]:
    """The member `errors` of a problem or of a job."""
    return tuple(RowError(int(each["instance"]), str(each["detail"]), each.get("feature")) for each in told or ())


def _read(reply: Reply, make: Callable[[Mapping[str, Any]], T]) -> T:
    told = read_json(reply)
    try:
        return make(told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        wrong = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UnreadableAnswer(f"the answer is not shaped as a sidecar's ({wrong}): {reply.body[:_SHOWN]!r}") from error


def _make_predictions(told: Mapping[str, Any], request_id: str | None) -> Predictions:
    explanations = told.get("explanations")
    return Predictions(
        tuple(told["predictions"]),
        told["model"],
        int(told["version"]),
        told["latency_ms"],
        _make_tuple(told.get("labels")),
        _make_rows(told.get("scores")),
        None if explanations is None else tuple(_make_explanation(each) for each in explanations),
        request_id,
    )


def _make_explanation(told: Mapping[str, Any]) -> Explanation:
    features = (Contribution(each["feature"], each["contribution"]) for each in told["features"])
    return Explanation(told["base"], tuple(features))


def _make_job(told: Mapping[str, Any]) -> Job:
    finished_at = told.get("finished_at")
    return Job(
        job_id=told["job_id"],
        status=JobStatus(told["status"]),
        model=told["model"],
        version=int(told["version"]),
        rows=int(told["rows"]),
        rows_done=int(told["rows_done"]),
        rows_failed=int(told["rows_failed"]),
        chunks=int(told["chunks"]),
        chunks_done=int(told["chunks_done"]),
        submitted_at=datetime.fromisoformat(told["submitted_at"]),
        finished_at=None if finished_at is None else datetime.fromisoformat(finished_at),
        detail=told.get("detail"),
        predictions=_make_tuple(told.get("predictions")),
        labels=_make_tuple(told.get("labels")),
        scores=_make_rows(told.get("scores")),
        errors=read_errors(told.get("errors")),
    )


def _make_answering(told: Mapping[str, Any]) -> tuple[int, ...]:
    weights = told.get("weights")
    return (int(told["version"]),) if weights is None else tuple(int(number) for number in weights)


def _make_row(told: Mapping[str, Any]) -> RowResult:
    instance = int(told["instance"])
    wrong = told.get("errors")
    if wrong is not None:
        errors = (RowError(instance, str(each["detail"]), each.get("feature")) for each in wrong)
        return RowResult(instance, None, errors=tuple(errors))
    return RowResult(instance, float(told["prediction"]), told.get("label"), _make_tuple(told.get("scores")))


def _make_tuple(told: Any) -> tuple[Any, ...] | None:
    return None if told is None else tuple(told)


def _make_rows(told: Any) -> tuple[Any, ...] | None:
    return None if told is None else tuple(_make_tuple(row) for row in told)
