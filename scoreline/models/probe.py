"""`python -m scoreline.models.probe`: load a model and score rows in a process that may die of it.

Reads a request, the model text and a matrix from standard input and writes one JSON answer to standard output.
Started by `scoreline.models.verification`, never by hand.
"""

import os
import resource
import sys
from collections.abc import Sequence

import msgspec
import numpy as np

from scoreline.errors import ModelRejected
from scoreline.features import Feature, FeatureSet, Matrix

_FREE_BYTES, _BYTES_PER_TEXT_BYTE = 4 * 2**30, 64


class ProbeRequest(msgspec.Struct, frozen=True):
    """First line of the input; then come `text_bytes` of model text, then the matrix as float64 rows."""

    features: tuple[str, ...]
    classes: tuple[str, ...] | None
    text_bytes: int


class ProbeAnswer(msgspec.Struct, frozen=True):
    """What came of it; exactly one of the three is set.

    Attributes:
        scores: of each row, as hexadecimal floats.
        rejected: why the model may not serve.
        unusable: why LightGBM itself does not load on this machine.
    """

    scores: Sequence[Sequence[str]] | None = None
    rejected: str | None = None
    unusable: str | None = None


def answer(request: ProbeRequest, text: bytes, matrix: Matrix) -> ProbeAnswer:
    """Check the text's structure, then let LightGBM load it and score the rows."""
    try:
        from scoreline.models.booster import LightGBMModel
    except (ImportError, OSError) as error:
        return ProbeAnswer(unusable=str(error))
    from scoreline.models.inspection import inspect_model

    try:
        inspect_model(text)
        model = LightGBMModel(text.decode(), FeatureSet(tuple(map(Feature, request.features))), request.classes)
        scores = model.predict(matrix)
    except ModelRejected as error:
        return ProbeAnswer(rejected=str(error))
    expected = (len(matrix),) if request.classes is None else (len(matrix), len(request.classes))
    if scores.shape != expected:
        return ProbeAnswer(rejected=f"the model gives scores of shape {scores.shape}, but should give {expected}")
    return ProbeAnswer([[score.hex() for score in row] for row in scores.reshape(len(matrix), -1).tolist()])


def main() -> None:
    """Answer the one request on standard input."""
    # LightGBM prints to standard output; the answer must stand there alone.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        data = sys.stdin.buffer.read()
        head, _, body = data.partition(b"\n")
        request = msgspec.json.decode(head, type=ProbeRequest)
        text = body[: request.text_bytes]
        matrix = np.frombuffer(body[request.text_bytes :], dtype=np.float64).reshape(-1, len(request.features))
        bound = _FREE_BYTES + _BYTES_PER_TEXT_BYTE * len(text)
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        answers.write(msgspec.json.encode(answer(request, text, matrix)))


if __name__ == "__main__":
    main()
