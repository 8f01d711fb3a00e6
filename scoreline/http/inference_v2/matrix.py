"""Tensors to the matrix of a version's features, by the rules that the rows of `POST /predict` obey."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoreline.errors import MalformedRequest
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.http.inference_v2.bodies import InferInput
from scoreline.http.inference_v2.datatypes import (
    DATATYPES,
    Datatype,
    Sort,
    choose_datatype,
    list_matrix_sorts,
    list_sorts,
)
from scoreline.http.inference_v2.layout import Layout, describe_input
from scoreline.http.inference_v2.problems import RowProblems, TensorProblems
from scoreline.http.inference_v2.values import read_values
from scoreline.schemas.json_problems import DETAIL, PROBLEMS_PER_INSTANCE, shorten
from scoreline.schemas.levels import Levels


@dataclass(frozen=True, slots=True)
class _Taker:
    """A feature, and what is made of it once."""

    feature: Feature
    sorts: frozenset[Sort]
    matrix_sorts: frozenset[Sort]
    levels: Levels | None


@dataclass(frozen=True, slots=True)
class _Column:
    """The values of one feature in the order of the rows, None for null."""

    datatype: Datatype
    values: list[Any]


class TensorRows:
    """Decodes tensors for one set of features. Safe to call from several threads."""

    def __init__(self, features: FeatureSet) -> None:
        self._features = features
        self._takers = {
            f.name: _Taker(f, list_sorts(f), list_matrix_sorts(f), None if f.levels is None else Levels(f))
            for f in features
        }

    def decode(
        self, inputs: Sequence[InferInput], layout: Layout, *, also_known: frozenset[str] | None = frozenset()
    ) -> Matrix:
        """Decode all rows, not settled yet.

        Args:
            layout: of these inputs, found for the version that answers, which may be another one.
            also_known: names that are skipped where they are no features; None skips them all.

        Returns:
            Shape (rows, features), float64, C-contiguous.

        Raises:
            MalformedRequest: data that is not as the tensor's shape says, or a datatype that its feature does not take.
            InvalidInstances: carries the problems of the bad rows, also those that settling would have found.
        """
        problems = RowProblems(layout.rows)
        columns = self._read_columns(inputs, layout, problems)
        self._find_absent(columns, problems)
        if also_known is not None and layout.matrix_names is None:
            unknown = [i.name for i in inputs if i.name not in self._takers and i.name not in also_known]
            self._refuse_unknown(unknown, problems)
        matrix = self._fill(columns, layout.rows)
        if problems:
            raise problems.refuse(self._features.settle(matrix, DETAIL).problems)
        return matrix

    def _read_columns(
        self, inputs: Sequence[InferInput], layout: Layout, problems: RowProblems
    ) -> Mapping[str, _Column]:
        if layout.matrix_names is not None:
            return self._read_matrix(inputs[0], layout.matrix_names, problems)
        columns: dict[str, _Column] = {}
        for tensor in inputs:
            taker = self._takers.get(tensor.name)
            if taker is not None:
                columns[tensor.name] = self._read_column(tensor, taker, problems)
        return columns

    @staticmethod
    def _read_column(tensor: InferInput, taker: _Taker, problems: RowProblems) -> _Column:
        datatype, feature = DATATYPES[tensor.datatype], taker.feature
        if datatype.sort not in taker.sorts:
            raise _refuse_datatype(tensor, feature)
        return _Column(datatype, read_values(tensor, datatype, TensorProblems(problems, datatype, (feature,))))

    def _read_matrix(self, tensor: InferInput, names: Sequence[str], problems: RowProblems) -> Mapping[str, _Column]:
        """Its columns by name; what is wrong in those of other versions' features has nobody here to be told."""
        datatype, width = DATATYPES[tensor.datatype], len(names)
        takers = [self._takers.get(name) for name in names]
        for taker in takers:
            if taker is not None and datatype.sort not in taker.matrix_sorts:
                raise _refuse_datatype(tensor, taker.feature)
        features = [None if taker is None else taker.feature for taker in takers]
        values = read_values(tensor, datatype, TensorProblems(problems, datatype, features))
        return {name: _Column(datatype, values[i::width]) for i, name in enumerate(names)}

    def _find_absent(self, columns: Mapping[str, _Column], problems: RowProblems) -> None:
        for feature in self._features:
            if not feature.nullable and feature.name not in columns:
                detail = f"feature {feature.name!r} is missing, and may not be null"
                problems.add_to_all(detail, feature.name)

    @staticmethod
    def _refuse_unknown(names: Sequence[str], problems: RowProblems) -> None:
        for name in names[:PROBLEMS_PER_INSTANCE]:
            shown = shorten(name)
            problems.add_to_all(f"the model has no feature {shown!r}", shown)

    def _fill(self, columns: Mapping[str, _Column], rows: int) -> Matrix:
        absent = [math.nan] * rows
        filled = [
            absent if (column := columns.get(name)) is None else _find_numbers(column, taker.levels)
            for name, taker in self._takers.items()
        ]
        return np.ascontiguousarray(np.array(filled, dtype=np.float64).T)


def _find_numbers(column: _Column, levels: Levels | None) -> list[Any]:
    """Values as the matrix has them, None or NaN for null."""
    values = column.values
    if column.datatype.narrow:
        with np.errstate(over="ignore"):  # what becomes infinite is refused by settling
            values = np.array(values, dtype=np.float64).astype(np.float32).tolist()
    return values if levels is None else [levels.find(value) for value in values]


def _refuse_datatype(tensor: InferInput, feature: Feature) -> MalformedRequest:
    return MalformedRequest(
        f"{describe_input(tensor)} has the datatype {tensor.datatype}, but feature {shorten(feature.name)!r} takes"
        f" {choose_datatype(feature)}; a tensor of that for each feature by name always fits"
    )
