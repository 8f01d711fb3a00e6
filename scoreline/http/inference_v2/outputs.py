"""What a version gives as tensors: which outputs there are, and their data."""

from collections.abc import Mapping, Sequence

import numpy as np

from scoreline.errors import MalformedRequest
from scoreline.http.inference_v2.bodies import OutputTensor, RequestedOutput, TensorMetadata
from scoreline.models.model import ModelVersion, Scores
from scoreline.schemas.json_problems import shorten

PREDICT, LABEL, SCORES = "predict", "label", "scores"
_ROWS = -1


def describe_outputs(version: ModelVersion) -> Mapping[str, TensorMetadata]:
    """The outputs of a version by name, in their order: `label` and `scores` only of multi-class models."""
    outputs = [TensorMetadata(PREDICT, "FP64", [_ROWS])]
    classes = version.model.classes
    if classes is not None:
        outputs += [TensorMetadata(LABEL, "BYTES", [_ROWS]), TensorMetadata(SCORES, "FP64", [_ROWS, len(classes)])]
    return {each.name: each for each in outputs}


def choose_outputs(version: ModelVersion, requested: Sequence[RequestedOutput] | None) -> Sequence[TensorMetadata]:
    """The outputs that are wanted, in the order in which they are; all where nobody says.

    Raises:
        MalformedRequest: there is no such output, or it is named twice.
    """
    known = describe_outputs(version)
    if not requested:
        return list(known.values())
    chosen: dict[str, TensorMetadata] = {}
    for each in requested:
        output = known.get(each.name)
        if output is None:
            raise MalformedRequest(f"the model has no output {shorten(each.name)!r}; expected {' or '.join(known)}")
        if each.name in chosen:
            raise MalformedRequest(f"the output {each.name!r} is asked for twice")
        chosen[each.name] = output
    return list(chosen.values())


def make_outputs(version: ModelVersion, outputs: Sequence[TensorMetadata], scores: Scores) -> list[OutputTensor]:
    """The tensors of the outputs: of a multi-class model `predict` is the lowest index of the largest score."""
    classes = version.model.classes
    best: list[int] = [] if classes is None else np.argmax(scores, axis=1).tolist()
    data: dict[str, Sequence[float | str]] = {
        PREDICT: scores.tolist() if classes is None else [float(i) for i in best],
    }
    if classes is not None:
        data |= {LABEL: [classes[i] for i in best], SCORES: scores.ravel().tolist()}
    return [OutputTensor(each.name, each.datatype, [len(scores), *each.shape[1:]], data[each.name]) for each in outputs]
