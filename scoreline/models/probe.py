"""`python -m scoreline.models.probe`: load a model and score rows in a process that may die of it.

Reads a request, the artifact and matrices from standard input and writes one JSON answer a matrix to standard output.
Started by `scoreline.models.scoring_child`, never by hand.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import IO

import msgspec
import numpy as np

from scoreline.errors import ModelError, Refused
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.models.formats.faults import named_faults
from scoreline.models.formats.known import KnownFormats
from scoreline.models.formats.model_format import ModelFormat
from scoreline.models.model import Model, find_shape_problem

_BYTES_PER_ARTIFACT_BYTE = 64
_PR_SET_PDEATHSIG = 1
_ROWS = struct.Struct("<Q")

OUT_OF_MEMORY = "MemoryError: it takes more memory than the child process may have that loads and scores it first"


class ProbeRequest(msgspec.Struct, frozen=True):
    """First line of the input; then come `artifact_bytes` of the artifact, then matrices, as `pack_rows` gives them."""

    format: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...] | None
    artifact_bytes: int


class ProbeAnswer(msgspec.Struct, frozen=True):
    """What came of a matrix; exactly one of the three is set.

    Attributes:
        scores: of each row, as float64.
        rejected: why the model may not serve.
        unusable: why the format, or its library, does not load on this machine.
    """

    scores: bytes | None = None
    rejected: str | None = None
    unusable: str | None = None


class Probe:
    """An artifact that its library loads for the first matrix."""

    def __init__(self, model_format: ModelFormat, request: ProbeRequest, artifact: bytes) -> None:
        self._format = model_format
        self._request = request
        self._artifact = artifact
        self._model: Model | None = None

    def answer(self, matrix: Matrix) -> ProbeAnswer:
        """Check and load the artifact, where that is not done yet, and let it score the rows."""
        request = self._request
        try:
            with named_faults(self._format.runtime, "load and score the model"):
                scores = (self._model or self._load()).predict(matrix)
        except Refused as error:
            return ProbeAnswer(unusable=str(error))
        except ModelError as error:
            return ProbeAnswer(rejected=OUT_OF_MEMORY if _has_run_out(error) else str(error))
        problem = find_shape_problem(scores, len(matrix), request.classes)
        if problem is not None:
            return ProbeAnswer(rejected=problem)
        return ProbeAnswer(np.ascontiguousarray(scores, dtype=np.float64).tobytes())

    def answer_bounded(self, matrix: Matrix) -> ProbeAnswer:
        """As `answer`, within the memory that the format may take; wherever it runs out, the answer is the same."""
        if self._format.probe_bytes is None:
            return self.answer(matrix)
        bound = self._format.probe_bytes + _BYTES_PER_ARTIFACT_BYTE * len(self._artifact)
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        allowed = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
        try:
            return self.answer(matrix)
        except MemoryError:
            return ProbeAnswer(rejected=OUT_OF_MEMORY)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))  # the answer has to be written, too

    def _load(self) -> Model:
        features = FeatureSet(self._request.features)
        self._format.check(self._artifact, features)
        self._model = self._format.load(self._artifact, features, self._request.classes)
        return self._model


def pack_rows(matrix: Matrix) -> list[bytes]:
    """A matrix on its way to the child: its rows as float64, behind their number."""
    return [_ROWS.pack(len(matrix)), np.ascontiguousarray(matrix, dtype=np.float64).tobytes()]


def main() -> None:
    """Answer for every matrix on standard input, until there is no other."""
    end_with_parent()
    # Libraries print to standard output; the answers must stand there alone.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        given = sys.stdin.buffer
        request = msgspec.json.decode(given.readline(), type=ProbeRequest)
        artifact = given.read(request.artifact_bytes)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        answer = _make_answering(request, artifact)
        for matrix in _read_matrices(given, len(request.features)):
            answers.write(msgspec.json.encode(answer(matrix)) + b"\n")
            answers.flush()


def _read_matrices(given: IO[bytes], columns: int) -> Iterator[Matrix]:
    while head := given.read(_ROWS.size):
        rows = _ROWS.unpack(head)[0]
        data = given.read(rows * columns * 8)
        yield np.frombuffer(data, dtype=np.float64).reshape(rows, columns)


def end_with_parent() -> None:
    """Have the kernel end this process with the thread that waits for it: nobody else would ever stop it (Linux).

    What it loads may hold Python's lock without end, so that no thread here could see to it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _make_answering(request: ProbeRequest, artifact: bytes) -> Callable[[Matrix], ProbeAnswer]:
    try:
        return Probe(KnownFormats().find(request.format), request, artifact).answer_bounded
    except Refused as error:
        unusable = ProbeAnswer(unusable=str(error))
        return lambda _: unusable


def _has_run_out(error: BaseException | None) -> bool:
    """Whether an error stems from want of memory; C++ says so in its own words."""
    while error is not None:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            return True
        error = error.__cause__
    return False


if __name__ == "__main__":
    main()
