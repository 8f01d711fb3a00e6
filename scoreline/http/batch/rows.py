"""Results of chunks as rows of an answer: columns of a page, or lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scoreline.errors import ResultsGone
from scoreline.http.batch.bodies import LineProblem, ResultLine, RowProblem
from scoreline.jobs.job import JobSnapshot
from scoreline.jobs.result import ChunkResult, ResultPlace, RowError

_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Columns:
    """Rows of a job side by side; `labels` and `scores` stay empty unless it is a multi-class model's."""

    predictions: list[float | None] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    scores: list[list[float] | None] = field(default_factory=list)
    errors: list[RowProblem] = field(default_factory=list)


def check_result(result: ChunkResult, place: ResultPlace, job: JobSnapshot) -> ChunkResult:
    """The result itself, when it is what the job's events say lies there: a topic may have been made anew.

    Raises:
        ResultsGone: something else lies there.
    """
    found = (result.job_id, result.submission, result.number, result.first_row, result.rows)
    if found != (job.job_id, job.submission, place.number, place.first_row, place.rows):
        raise ResultsGone("the results topic has something else where results of this job were")
    return result


def join_columns(results: Iterable[ChunkResult], first_row: int, rows: int) -> Columns:
    """The rows from `first_row` on, at most `rows`, out of the chunks that hold them, ascending."""
    columns = Columns()
    for result in results:
        start, stop = _find_span(result, first_row, rows)
        failed = _group_errors(result.errors)
        kept = [None if row in failed else row for row in range(start, stop)]
        predictions = result.predictions.tolist()
        columns.predictions += [None if row is None else predictions[row] for row in kept]
        if result.scores is not None:
            scores = result.scores.tolist()
            columns.scores += [None if row is None else scores[row] for row in kept]
            columns.labels += [None if row is None else result.classes[int(predictions[row])] for row in kept]
        columns.errors += [
            RowProblem(instance=result.first_row + error.row, feature=_name(error), detail=error.detail)
            for error in result.errors
            if start <= error.row < stop
        ]
    return columns


def write_lines(result: ChunkResult, first_row: int, rows: int) -> bytes:
    """The lines of a chunk that are among `rows` rows of the job from `first_row` on."""
    start, stop = _find_span(result, first_row, rows)
    failed, first = _group_errors(result.errors), result.first_row
    predictions = result.predictions.tolist()
    scores = None if result.scores is None else result.scores.tolist()
    lines: list[ResultLine] = []
    for row in range(start, stop):
        if row in failed:
            lines.append(ResultLine(instance=first + row, errors=failed[row]))
        elif scores is None:
            lines.append(ResultLine(instance=first + row, prediction=predictions[row]))
        else:
            label = result.classes[int(predictions[row])]
            lines.append(ResultLine(instance=first + row, prediction=predictions[row], label=label, scores=scores[row]))
    return _encoder.encode_lines(lines)


def unset_if_empty(values: Sequence[Any]) -> Any:
    """Leaves a column out of an answer that has no such thing."""
    return values or msgspec.UNSET


def _find_span(result: ChunkResult, first_row: int, rows: int) -> tuple[int, int]:
    """From where to where, within the chunk, its rows are asked for."""
    start = max(0, first_row - result.first_row)
    return start, max(start, min(result.rows, first_row + rows - result.first_row))


def _group_errors(errors: Iterable[RowError]) -> dict[int, list[LineProblem]]:
    grouped: dict[int, list[LineProblem]] = {}
    for error in errors:
        grouped.setdefault(error.row, []).append(LineProblem(feature=_name(error), detail=error.detail))
    return grouped


def _name(error: RowError) -> str | msgspec.UnsetType:
    return msgspec.UNSET if error.feature is None else error.feature
