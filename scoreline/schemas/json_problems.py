"""How what is wrong with JSON rows is told: in a few words a value, and in bounded length however much is wrong."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from scoreline.errors import InstanceProblem, InvalidInstances
from scoreline.features import Detail, ValueProblem

DETAILED_INSTANCES = 100
"""So many bad rows are told with what is wrong with them, more with their first problem only."""

TOLD_INSTANCES = 1000
"""So many bad rows are told at all, the rest is only counted."""

PROBLEMS_PER_INSTANCE = 32

DETAIL = Detail(rows=DETAILED_INSTANCES, problems=PROBLEMS_PER_INSTANCE)
"""What settling has to tell, so that `refuse_instances` has all that it tells."""

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
    return refuse_instances(by_instance)


def refuse_instances(problems: Mapping[int, Sequence[InstanceProblem]]) -> InvalidInstances:
    """The error that answers bad rows: it counts them all, tells of the first ones, and stays short.

    Args:
        problems: what is wrong with each bad row, at least one thing.
    """
    told: list[InstanceProblem] = []
    for i, instance in enumerate(sorted(problems)[:TOLD_INSTANCES]):
        told.extend(problems[instance][: PROBLEMS_PER_INSTANCE if i < DETAILED_INSTANCES else 1])
    return InvalidInstances(told, untold=max(0, len(problems) - TOLD_INSTANCES))
