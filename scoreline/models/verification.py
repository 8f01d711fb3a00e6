"""Proof that a model may serve: its first load and its golden rows in a child process, whose crash hurts nobody."""

import shutil
import subprocess
import sys

import msgspec
import numpy as np

from scoreline.errors import ModelRejected, Refused, Unavailable
from scoreline.features import FeatureSet, Matrix
from scoreline.models.child_end import ChildEnd
from scoreline.models.formats.model_format import ModelFormat
from scoreline.models.golden import Golden, agree, describe_difference, to_matrix
from scoreline.models.model import Scores
from scoreline.models.probe import ProbeAnswer, ProbeRequest

TIME_LIMIT_SECONDS = 120.0
_COMMAND = (sys.executable, "-P", "-m", "scoreline.models.probe")


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
    request = ProbeRequest(model_format.name, features.features, classes, len(artifact))
    given = b"".join([msgspec.json.encode(request), b"\n", artifact, np.ascontiguousarray(rows).tobytes()])
    try:
        command = (*_find_nice(), *_COMMAND) if behind else _COMMAND
        child = subprocess.run(command, input=given, capture_output=True, timeout=time_limit_seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise ModelRejected(
            f"{model_format.runtime} did not load and score it within {time_limit_seconds:.0f} s"
        ) from error
    except OSError as error:
        raise Unavailable(f"no child process can be started to probe the model: {error}") from error
    if child.returncode:
        raise _name_end(child, model_format.runtime)
    answer = msgspec.json.decode(child.stdout, type=ProbeAnswer)
    if answer.unusable is not None:
        raise Refused(answer.unusable)
    if answer.scores is None:
        raise ModelRejected(answer.rejected or "the probe gave no reason")
    scores = np.array([[float.fromhex(score) for score in row] for row in answer.scores], dtype=np.float64)
    return scores.reshape(len(rows), -1) if classes is not None else scores.reshape(len(rows))


def _find_nice() -> tuple[str, ...]:
    """From its very start on: what Python imports is most of it. A system without `nice` does without."""
    nice = shutil.which("nice")
    return () if nice is None else (nice, "-n", "19")


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


def _name_end(child: "subprocess.CompletedProcess[bytes]", runtime: str) -> ModelRejected | Unavailable:
    end = ChildEnd.of(child.returncode, child.stderr)
    if end.crashed_with is None:
        return ModelRejected(f"loading it failed in a child process: {end.last_words}")
    if end.from_outside:
        return Unavailable(f"the child process that probed the model was ended with {end.crashed_with}; out of memory?")
    return ModelRejected(f"{runtime} crashed on it with {end.crashed_with}: the file is damaged")
