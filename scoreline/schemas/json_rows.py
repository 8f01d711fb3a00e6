"""JSON rows to a matrix, through one msgspec type that is made from the model's features.

The type decodes and validates in one pass. It stops at the first error; only then a slower second pass looks at every
value on its own, with the same types, and collects all that is wrong. Where that is nothing (of a key that is repeated
only the last value counts, but the first pass looks at each), the second pass gives the values.
"""

import math
import re
import types
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Union

import msgspec
import numpy as np
import numpy.typing as npt

from scoreline.errors import InstanceProblem, ModelRejected
from scoreline.features import UNSEEN, Feature, FeatureSet, Kind, Level, Matrix
from scoreline.schemas.json_problems import (
    DETAIL,
    DETAILED_INSTANCES,
    PROBLEMS_PER_INSTANCE,
    describe_value,
    refuse_instances,
    shorten,
)
from scoreline.schemas.json_split import NO_JSON, check_rows, check_text, refuse_malformed, split_rows

_UNFIT_NAME = re.compile(r'["\\\x00-\x1f]')

MOST_FIELDS = 10_000
"""Of a row that is looked at value by value, which msgspec reads at one go: 830,000 take a third of a second."""

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class JsonRows:
    """Decodes `{"instances": [{feature: value, …}, …]}` for one set of features. Safe to call from several threads.

    Numbers and integers take any JSON number (whether an integer feature got a whole one is judged by
    `FeatureSet.settle`, the same way for every path: 3.0 is 3), booleans only true and false, categorical features a
    value of the type of their levels or, without levels, a code. Null is NaN, an absent nullable feature is null, a
    level that the list does not have is `UNSEEN`.
    """

    def __init__(
        self, features: FeatureSet, *, ignore_unknown: bool = False, also_known: frozenset[str] = frozenset()
    ) -> None:
        """Make the type.

        Args:
            ignore_unknown: whether fields that are no features are skipped; else they are refused.
            also_known: names that are skipped all the same where they are no features: those of other versions that
                the same rows may be scored by.

        Raises:
            ModelRejected: a feature has a name that msgspec cannot look up.
        """
        self._features = features
        self._ignore_unknown = ignore_unknown
        self._also_known = also_known.difference(features.names)
        skipped = () if ignore_unknown else sorted(name for name in self._also_known if not _UNFIT_NAME.search(name))
        self._has_skipped = bool(skipped)
        self._skips = ignore_unknown or self._has_skipped
        row = _make_row_type(features, skipped, ignore_unknown=ignore_unknown)
        self._row_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)
        body = msgspec.defstruct("Body", [("instances", types.GenericAlias(list, row))], forbid_unknown_fields=True)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(body)
        self._values = [(i, f, msgspec.json.Decoder(_find_type(f))) for i, f in enumerate(features)]
        self._codes = [(i, _Codes(f.codes)) for i, f in enumerate(features) if f.levels is not None]

    def decode(self, body: bytes, *, max_instances: int) -> Matrix:
        """Decode all rows, not settled yet.

        Returns:
            Shape (instances, features), float64, C-contiguous.

        Raises:
            MalformedRequest: no JSON, another shape, or no instances.
            RequestTooLarge: more than `max_instances`.
            InvalidInstances: carries the problems of the bad rows, also those that settling would have found.
        """
        # A good row has a brace of its own, so without that many braces the first pass ends before there are too many.
        if body.count(b"{") > max_instances + 1:
            split_rows(body, max_instances=max_instances)
        try:
            self._check_skipped(body)
            rows = self._decoder.decode(body).instances
        except msgspec.ValidationError:
            return self._decode_singly(body, max_instances)
        except NO_JSON as error:
            raise refuse_malformed(error) from error
        check_rows(len(rows), max_instances=max_instances)
        values = [list(msgspec.structs.astuple(row)) for row in rows]
        if self._has_skipped:
            count = len(self._features)
            for row in values:
                del row[count:]
        return self._fill(values)

    def _check_skipped(self, text: bytes) -> None:
        """Look at what the first pass does not; raises as `check_text` does."""
        if self._skips:
            check_text(text)

    def _fill(self, rows: list[list[Any]]) -> Matrix:
        for column, codes in self._codes:
            for row in rows:
                row[column] = codes[row[column]]
        return np.array(rows, dtype=np.float64)

    def _decode_singly(self, body: bytes, max_instances: int) -> Matrix:
        """The second pass: every value on its own; raises as `decode` does."""
        raws = split_rows(body, max_instances=max_instances)
        try:
            check_text(body)  # of a key that is repeated only the last value is looked at
            rows, problems = self._decode_rows(raws)
        except NO_JSON as error:
            raise refuse_malformed(error) from error
        if not problems:
            return self._fill(list(rows.values()))
        if rows:
            self._add_settled(problems, list(rows), self._fill(list(rows.values())))
        raise refuse_instances(problems)

    def _decode_rows(
        self, raws: Sequence[msgspec.Raw]
    ) -> tuple[dict[int, list[Any]], dict[int, list[InstanceProblem]]]:
        """By instance, the values of rows that may still have more problems, and the problems found so far."""
        rows: dict[int, list[Any]] = {}
        problems: dict[int, list[InstanceProblem]] = {}
        for instance, raw in enumerate(map(bytes, raws)):
            if not raw.startswith(b"{"):
                detail = f"expected an object with a value for each feature, got {describe_value(raw)}"
                problems[instance] = [InstanceProblem(instance, detail)]
                continue
            if raw.count(b":") > MOST_FIELDS + len(self._features):
                detail = f"the row has too many fields: at most {MOST_FIELDS} beside the model's features are looked at"
                problems[instance] = [InstanceProblem(instance, detail)]
                continue
            # Rows times features may be far more problems than anyone is told, or memory should be spent on.
            limit = PROBLEMS_PER_INSTANCE if len(problems) < DETAILED_INSTANCES else 1
            values, found = self._decode_row(instance, raw, limit)
            if found:
                problems[instance] = found
            if len(found) < limit:
                rows[instance] = values
        return rows, problems

    def _add_settled(
        self, problems: dict[int, list[InstanceProblem]], instances: Sequence[int], matrix: Matrix
    ) -> npt.NDArray[np.int64]:
        """Add what settling finds in the rows that may have more problems; gives their unseen levels by feature."""
        # What could not be decoded stands as a null in the matrix, and has its own problem already.
        known = {(instance, p.feature) for instance, found in problems.items() for p in found}
        settled = self._features.settle(matrix, DETAIL)
        for value in settled.problems:
            instance, name = instances[value.row], value.feature.name
            if (instance, name) not in known:
                problems.setdefault(instance, []).append(InstanceProblem(instance, value.detail, name))
        return settled.unseen

    def _decode_row(self, instance: int, raw: bytes, limit: int) -> tuple[list[Any], list[InstanceProblem]]:
        """The values of one row, None where one is absent or wrong, and the first `limit` things wrong with it."""
        values: list[Any] = [None] * len(self._features)
        fields = _FIELDS.decode(raw)
        problems: list[InstanceProblem] = []
        for i, feature, decoder in self._values:
            if len(problems) == limit:
                return values, problems
            value = fields.pop(feature.name, None)
            if value is None:
                if not feature.nullable:
                    detail = f"feature {feature.name!r} is missing, and may not be null"
                    problems.append(InstanceProblem(instance, detail, feature.name))
                continue
            try:
                values[i] = decoder.decode(value)
            except msgspec.ValidationError:
                detail = f"expected {_describe_expected(feature)}, got {describe_value(bytes(value))}"
                problems.append(InstanceProblem(instance, detail, feature.name))
        if not self._ignore_unknown:
            unknown = (name for name in fields if name not in self._also_known)
            for name in islice(unknown, limit - len(problems)):
                shown = shorten(name)
                problems.append(InstanceProblem(instance, f"the model has no feature {shown!r}", shown))
        return values, problems


class _Codes(dict[Level | None, float]):
    """Code of each level, NaN for null, `UNSEEN` for anything else."""

    def __init__(self, codes: Mapping[Level, int]) -> None:
        super().__init__({level: float(code) for level, code in codes.items()})
        self[None] = math.nan

    def __missing__(self, level: Level | None) -> float:
        return UNSEEN


def _make_row_type(features: FeatureSet, skipped: Sequence[str], *, ignore_unknown: bool) -> type[msgspec.Struct]:
    """The struct of one row; its fields have made-up names, because a feature's name may be nearly any string.

    Args:
        skipped: fields that may have any value, after those of the features.
    """
    unfit = [f.name for f in features if _UNFIT_NAME.search(f.name)]
    if unfit:
        raise ModelRejected(
            f"feature names with a quote, a backslash or a control character cannot be asked for: {unfit}"
        )
    fields: list[Any] = []
    for i, feature in enumerate(features):
        kind = _find_type(feature)
        fields.append((f"f{i}", kind, None) if feature.nullable else (f"f{i}", kind))
    fields += [(f"f{i}", msgspec.Raw, None) for i in range(len(features), len(features) + len(skipped))]
    return msgspec.defstruct(
        "Row",
        fields,
        rename={f"f{i}": name for i, name in enumerate([*features.names, *skipped])},
        forbid_unknown_fields=not ignore_unknown,
        kw_only=True,
        gc=False,
    )


def _find_type(feature: Feature) -> Any:
    """What msgspec takes for a feature; null is always let through here, and judged by settling."""
    if feature.kind is Kind.BOOLEAN:
        return bool | None
    if feature.levels is None:
        return float | None
    return Union[tuple(_find_level_types(feature.levels))] | None  # noqa: UP007 - made at run time


def _find_level_types(levels: Sequence[Level]) -> set[type]:
    found: set[type] = set()
    for level in levels:
        # An integer beyond 2^53 must not become a double before it is looked up.
        found |= {type(level)} if isinstance(level, str | bool) else {int, float}
    return found or {str, int, float, bool}


def _describe_expected(feature: Feature) -> str:
    if feature.kind is Kind.BOOLEAN:
        expected = "true or false"
    elif feature.levels is None:
        expected = {Kind.INTEGER: "a whole number", Kind.CATEGORICAL: "a category code"}.get(feature.kind, "a number")
    else:
        names = {str: "a string", int: "a number", bool: "true or false"}
        taken = _find_level_types(feature.levels)
        expected = " or ".join(name for kind, name in names.items() if kind in taken)
    return f"{expected} or null" if feature.nullable else expected
