"""How what is wrong with JSON rows is told: in a few words a value, and in bounded length however much is wrong."""

import math
from collections import defaultdict
from collections.abc import Sequence

from scoreline.errors import InstanceProblem, InvalidInstances
from scoreline.features import ValueProblem

DETAILED_INSTANCES = 100
"""So many bad rows are told with all that is wrong with them, the rest with their first problem only."""

PROBLEMS_PER_INSTANCE = 32

_SHOWN = 40

_NAMES = {
    ord('"'): "a string",
    ord("{"): "an object",
    ord("["): "an array",
    ord("t"): "true",
    ord("f"): "false",
    ord("n"): "null",
}


def describe_value(raw: bytes) -> str:
    """A JSON value in a few words: its type, and a number as it was written."""
    name = _NAMES.get(raw[0])
    if name is not None:
        return name
    number = raw.decode("ascii")
    return (
        f"{shorten(number)}, which is beyond a double" if math.isinf(float(number)) else f"the number {shorten(number)}"
    )


def shorten(text: str) -> str:
    """The text, cut where it is long enough to be a nuisance."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def refuse_values(problems: Sequence[ValueProblem]) -> InvalidInstances:
    """The error that answers what settling has found."""
    by_instance: defaultdict[int, list[InstanceProblem]] = defaultdict(list)
    for found in problems:
        by_instance[found.row].append(InstanceProblem(found.row, found.detail, found.feature.name))
    return InvalidInstances(trim_problems(list(by_instance.values())))


def trim_problems(by_instance: Sequence[Sequence[InstanceProblem]]) -> list[InstanceProblem]:
    """Problems of all rows in one list that names every bad row and stays short.

    Args:
        by_instance: what is wrong with each row, empty for good ones.
    """
    bad = [problems for problems in by_instance if problems]
    kept: list[InstanceProblem] = []
    for i, problems in enumerate(bad):
        limit = PROBLEMS_PER_INSTANCE if i < DETAILED_INSTANCES else 1
        kept.extend(problems[:limit])
    return kept
