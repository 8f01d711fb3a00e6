"""Scores the rows of a caller: all of them, or none with what is wrong."""

from scoreline.errors import InstanceProblem
from scoreline.features import Matrix
from scoreline.models.model import ModelVersion, Scores
from scoreline.observability.events import RowsObserver
from scoreline.schemas.json_problems import DETAIL, refuse_instances, refuse_values
from scoreline.scoring import score


def score_rows(version: ModelVersion, matrix: Matrix, observer: RowsObserver | None = None) -> Scores:
    """Settle a decoded matrix, in place, and score it.

    Args:
        matrix: shape (rows, features).
        observer: told of rows that are answered.

    Raises:
        InvalidInstances: values that may not be scored, or outputs that are not finite.
        ModelRejected: see `scoreline.scoring.score`.
    """
    settled = version.model.features.settle(matrix, DETAIL)
    if settled.problems:
        raise refuse_values(settled.problems)
    scored = score(version, matrix)
    if len(scored.infinite):
        detail = "the model's output is not a finite number"
        raise refuse_instances({i: [InstanceProblem(i, detail)] for i in scored.infinite.tolist()})
    if observer is not None:
        observer.rows_scored(version, matrix, settled.unseen, scored.scores)
    return scored.scores
