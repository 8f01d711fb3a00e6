"""What a manifest notes of a baseline, in words: how many rows it was made from, and what became of the others."""

from collections.abc import Mapping
from typing import Any

PREFIX = "baseline_"
"""Of these facts among those of the training; what its publisher has said of the baseline begins with it too."""


def describe_baseline(facts: Mapping[str, Any]) -> str | None:
    """The facts in words; None where there is no baseline.

    Args:
        facts: of the training, as a manifest has them.
    """
    if not isinstance(facts.get("baseline_rows"), int):
        return None
    column, blocks = facts.get("baseline_time_column"), facts.get("baseline_blocks")
    order = "in no order of time" if column is None else f"in {blocks} blocks in the order of {column!r}"
    left_out = describe_left_out(facts)
    return f"{facts['baseline_rows']:,} rows {order}" + ("" if left_out is None else f"; {left_out}")


def describe_left_out(facts: Mapping[str, Any]) -> str | None:
    """Which rows of the training are not in the baseline, in words; None where all are.

    Args:
        facts: as for `describe_baseline`.
    """
    if not facts.get("baseline_left_out"):
        return None
    count, because = facts["baseline_left_out"], facts.get("baseline_left_out_because")
    return f"{count} rows of the baseline cannot be scored and were left out; the first is {because}"
