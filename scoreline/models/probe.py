"""`python -m scoreline.models.probe`: load a model and score rows in a process that may die of it.

Reads a request, the artifact and a matrix from standard input and writes one JSON answer to standard output.
Started by `scoreline.models.verification`, never by hand.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence

import msgspec
import numpy as np

from scoreline.errors import ModelError, Refused
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.models.formats.faults import named_faults
from scoreline.models.formats.known import KnownFormats
from scoreline.models.formats.model_format import ModelFormat
from scoreline.models.model import find_shape_problem

_BYTES_PER_ARTIFACT_BYTE = 64
_PR_SET_PDEATHSIG = 1

OUT_OF_MEMORY = "MemoryError: it takes more memory than the child process may have that loads and scores it first"


class ProbeRequest(msgspec.Struct, frozen=True):
    """First line of the input; then come `artifact_bytes` of the artifact, then the matrix as float64 rows."""

    format: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...] | None
    artifact_bytes: int


class ProbeAnswer(msgspec.Struct, frozen=True):
    """What came of it; exactly one of the three is set.

    Attributes:
        scores: of each row, as hexadecimal floats.
        rejected: why the model may not serve.
        unusable: why the format, or its library, does not load on this machine.
    """

    scores: Sequence[Sequence[str]] | None = None
    rejected: str | None = None
    unusable: str | None = None


def answer(model_format: ModelFormat, request: ProbeRequest, artifact: bytes, matrix: Matrix) -> ProbeAnswer:
    """Check the artifact, then let its library load it and score the rows."""
    try:
        with named_faults(model_format.runtime, "load and score the model"):
            features = FeatureSet(request.features)
            model_format.check(artifact, features)
            model = model_format.load(artifact, features, request.classes)
            scores = model.predict(matrix)
    except Refused as error:
        return ProbeAnswer(unusable=str(error))
    except ModelError as error:
        return ProbeAnswer(rejected=OUT_OF_MEMORY if _has_run_out(error) else str(error))
    problem = find_shape_problem(scores, len(matrix), request.classes)
    if problem is not None:
        return ProbeAnswer(rejected=problem)
    return ProbeAnswer([[score.hex() for score in row] for row in scores.reshape(len(matrix), -1).tolist()])


def main() -> None:
    """Answer the one request on standard input."""
    end_with_parent()
    # Libraries print to standard output; the answer must stand there alone.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        data = sys.stdin.buffer.read()
        head, _, body = data.partition(b"\n")
        request = msgspec.json.decode(head, type=ProbeRequest)
        artifact = body[: request.artifact_bytes]
        matrix = np.frombuffer(body[request.artifact_bytes :], dtype=np.float64).reshape(-1, len(request.features))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            model_format = KnownFormats().find(request.format)
        except Refused as error:
            found = ProbeAnswer(unusable=str(error))
        else:
            found = _answer_bounded(model_format, request, artifact, matrix)
        answers.write(msgspec.json.encode(found))


def end_with_parent() -> None:
    """Have the kernel end this process with the thread that waits for it: nobody else would ever stop it (Linux).

    What it loads may hold Python's lock without end, so that no thread here could see to it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer_bounded(model_format: ModelFormat, request: ProbeRequest, artifact: bytes, matrix: Matrix) -> ProbeAnswer:
    """Answer within the memory that the format may take; wherever it runs out, the answer is the same."""
    if model_format.probe_bytes is None:
        return answer(model_format, request, artifact, matrix)
    bound = model_format.probe_bytes + _BYTES_PER_ARTIFACT_BYTE * len(artifact)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
    try:
        return answer(model_format, request, artifact, matrix)
    except MemoryError:
        return ProbeAnswer(rejected=OUT_OF_MEMORY)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))  # the answer has to be written, too


def _has_run_out(error: BaseException | None) -> bool:
    """Whether an error stems from want of memory; C++ says so in its own words."""
    while error is not None:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            return True
        error = error.__cause__
    return False


if __name__ == "__main__":
    main()
