"""Proof that a model may serve: its first load and its golden rows in a child process, whose crash hurts nobody."""

from scoreline.errors import ModelRejected
from scoreline.features import FeatureSet, Matrix
from scoreline.models.formats.model_format import ModelFormat
from scoreline.models.golden import Golden, agree, describe_difference, to_matrix
from scoreline.models.model import Scores
from scoreline.models.scoring_child import ScoringChild

TIME_LIMIT_SECONDS = 120.0


def probe_model(
    model_format: ModelFormat,
    artifact: bytes,
    features: FeatureSet,
    classes: tuple[str, ...] | None,
    rows: Matrix,
    *,
    time_limit_seconds: float = TIME_LIMIT_SECONDS,
    behind: bool = False,
) -> Scores:
    """Load an artifact and score settled rows in a child process.

    Args:
        behind: whether everything else on this machine goes first: nobody waits for it, and it takes a second.

    Returns:
        Shape (rows,), or (rows, classes) for a multi-class model.

    Raises:
        ModelRejected: the artifact is malformed, its library refuses it, or the child crashed or did not finish.
        Refused: the format, or its library, does not load on this machine.
        Unavailable: no child process can be started.
    """
    given = model_format, artifact, features, classes
    with ScoringChild(*given, time_limit_seconds=time_limit_seconds, behind=behind) as child:
        scores = child.score(rows)
        child.finish()
    return scores


def golden_matrix(features: FeatureSet, golden: Golden) -> Matrix:
    """The golden rows as a settled matrix.

    Raises:
        ModelRejected: they do not fit the features: the manifest and the rows contradict each other.
    """
    try:
        matrix = to_matrix(features, golden.rows)
    except (TypeError, OverflowError) as error:
        raise ModelRejected(f"a golden row does not fit the manifest: {error}") from error
    settled = features.settle(matrix)
    if settled.problems:
        problem = settled.problems[0]
        raise ModelRejected(f"golden row {problem.row} does not fit the manifest: {problem.detail}")
    return matrix


def check_golden(golden: Golden, scores: Scores) -> None:
    """Compare what a model gave for the golden rows with what it has to give.

    Raises:
        ModelRejected: they differ by more than a relative 1e-9.
    """
    if not agree(golden.scores, scores):
        raise ModelRejected(f"golden rows give other scores: {describe_difference(golden.scores, scores)}")
