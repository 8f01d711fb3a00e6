"""What the tensors of a request are by name, datatype and shape, before any of their data is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from scoreline.errors import MalformedRequest, RequestTooLarge
from scoreline.features import FeatureSet
from scoreline.http.inference_v2.bodies import InferInput
from scoreline.http.inference_v2.datatypes import DATATYPES
from scoreline.schemas.json_problems import shorten

_MOST_DIMENSIONS = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """How the tensors are put together.

    Attributes:
        matrix_names: of a request with one matrix, what its columns are, in order; None for columns by name.
    """

    rows: int
    matrix_names: tuple[str, ...] | None = None


def count_rows(inputs: Sequence[InferInput]) -> int:
    """How many rows a request claims to have; nothing is checked."""
    return max((each.shape[0] for each in inputs if each.shape), default=0)


def find_layout(inputs: Sequence[InferInput], features: FeatureSet, *, max_instances: int) -> Layout:
    """How the tensors are meant: columns by name, or one matrix of all features.

    A matrix is a lone tensor under a name that is no feature's, and two columns or more: one that has only one may be
    a column whose name is misspelled.

    Args:
        features: of the version that answers.

    Raises:
        MalformedRequest: shapes, datatypes or names that do not go together.
        RequestTooLarge: more rows than `max_instances`.
    """
    if not inputs:
        raise MalformedRequest("inputs is empty, but has to have a tensor for each feature, or one of all features")
    for each in inputs:
        _check_form(each)
    rows = _find_rows(inputs)
    if rows > max_instances:
        raise RequestTooLarge(f"the request has more than the {max_instances} instances that are allowed")
    only = inputs[0]
    if len(inputs) == 1 and _count_columns(only) != 1 and only.name not in features.names:
        _check_width(only, features)
        return Layout(rows, features.names)
    _check_columns(inputs)
    return Layout(rows)


def describe_input(tensor: InferInput) -> str:
    """The tensor's name for an error, of bounded length."""
    return f"input {shorten(tensor.name)!r}"


def _count_columns(tensor: InferInput) -> int:
    return tensor.shape[1] if len(tensor.shape) == _MOST_DIMENSIONS else 1


def _check_form(tensor: InferInput) -> None:
    if tensor.datatype not in DATATYPES:
        raise MalformedRequest(
            f"{describe_input(tensor)} has the datatype {shorten(tensor.datatype)!r}; expected one of"
            f" {', '.join(DATATYPES)}"
        )
    if not 1 <= len(tensor.shape) <= _MOST_DIMENSIONS:
        raise MalformedRequest(
            f"{describe_input(tensor)} has {len(tensor.shape)} dimensions; expected the shape [rows], [rows, 1], or"
            " [rows, features] of the only input"
        )


def _find_rows(inputs: Sequence[InferInput]) -> int:
    first = inputs[0]
    rows = first.shape[0]
    for each in inputs:
        if each.shape[0] != rows:
            raise MalformedRequest(
                f"{describe_input(each)} has {each.shape[0]} rows, but {describe_input(first)} has {rows}"
            )
    if not rows:
        raise MalformedRequest(f"{describe_input(first)} has no rows, but has to have at least one")
    return rows


def _check_width(matrix: InferInput, features: FeatureSet) -> None:
    if matrix.shape[1] != len(features):
        raise MalformedRequest(
            f"{describe_input(matrix)} has the shape {matrix.shape}, but the model has {len(features)} features:"
            f" expected [{matrix.shape[0]}, {len(features)}], or a tensor by name for each feature"
        )


def _check_columns(inputs: Sequence[InferInput]) -> None:
    seen: set[str] = set()
    for each in inputs:
        if each.name in seen:
            raise MalformedRequest(f"{describe_input(each)} is given twice")
        seen.add(each.name)
        if _count_columns(each) != 1:
            raise MalformedRequest(
                f"{describe_input(each)} has the shape {each.shape}; expected [{each.shape[0]}] or [{each.shape[0]}, 1]"
                " for a column, of which there may be several, or all features in the only input"
            )
