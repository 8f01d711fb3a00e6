"""How the demonstration shows what it found: a line a month, and tables."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from scoreline.demo.months import MonthDrift, MonthQuality, Standing
from scoreline.demo.reading import Seen

MONTHS_HEAD = (
    f"  {'month':<10}{'flights':>8}{'raised':>8}{'cleared':>9}  {'to new destinations':<24}labels that came meanwhile"
)
_WIDTH_BEFORE_LABELS = 61
_STATISTICS = {"mean": "distance of the mean"}
"""What a statistic is called where its name alone does not say it."""


def format_month(drift: MonthDrift | None, quality: MonthQuality | None) -> str:
    """A line below `MONTHS_HEAD`, and one for what is not ok at the month's end.

    Args:
        drift: None when nothing is streamed any more.
        quality: of the month before; None before its labels came.
    """
    told = "" if drift is None else _format_drift(drift)
    line = f"  {told:<{_WIDTH_BEFORE_LABELS}}{'' if quality is None else _format_quality(quality)}".rstrip()
    if drift is None or not drift.standing:
        return line
    return "\n".join([line, *_group_standing(drift.standing)])


def _format_drift(drift: MonthDrift) -> str:
    new = ", ".join(f"{name} {count}" for name, count in drift.new_destinations.items())
    return f"{drift.name:<10}{drift.flights:>8,}{len(drift.raised):>8}{drift.cleared:>9}  {new}"


def _format_quality(quality: MonthQuality) -> str:
    live = "none" if quality.live_auc is None else f"{quality.live_auc:.4f}"
    return (
        f"{quality.name}: AUC {quality.auc:.4f}, log loss {quality.log_loss:.4f}; "
        f"/stats, latest {quality.live_labels:,}: AUC {live}"
    )


def _group_standing(standing: Sequence[Standing]) -> Sequence[str]:
    """A line for what stands so for the same reason."""
    found: dict[str, list[str]] = {}
    for each in standing:
        values = found.setdefault(f"{each.state} by {each.rule}, {_name_statistic(each)}", [])
        values.append(f"{each.name} {each.value:.3g} over {each.threshold:.3g}")
    return [f"    {reason}: {', '.join(values)}" for reason, values in found.items()]


def _name_statistic(each: Standing) -> str:
    return _STATISTICS.get(each.statistic, each.statistic)


def make_result_table(seen: Seen, streamed: int, poisons: int, quality: Mapping[str, Any], auc: float) -> Table:
    """What came out, counted.

    Args:
        quality: of the version since the start, as the service says.
        auc: of all flights that arrived, from what was read.
    """
    table = Table(title="What came out", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("flights streamed", f"{streamed:,}")
    table.add_row("predictions", f"{len(seen.predictions):,}")
    table.add_row("predictions that came twice", f"{seen.repeated:,}")
    table.add_row("broken records sent", f"{poisons:,}")
    for reason, count in sorted(seen.dead_letters.items()):
        table.add_row(f"dead letters: {reason}", f"{count:,}")
    table.add_row("labels joined to a prediction", f"{quality['labels']:,}")
    table.add_row("AUC against what really happened", f"{auc:.4f}")
    table.add_row("AUC since the start, as /stats says", f"{quality['auc']:.4f}")
    return table


def make_drift_table(standing: Sequence[Standing]) -> Table:
    """What is not ok, the worst first."""
    table = Table(title="What is not ok now", title_justify="left")
    for name in ("", "state", "used", "by", "because", "is", "above"):
        table.add_column(name, justify="right" if name in {"used", "is", "above"} else "left")
    for each in standing:
        used = "" if each.used is None else f"{each.used:.1%}"
        table.add_row(
            *(each.name, each.state, used, each.rule, _name_statistic(each)),
            f"{each.value:.3g}",
            f"{each.threshold:.3g}",
        )
    return table


def format_example(seen: Seen, stats: Mapping[str, Any]) -> Sequence[str]:
    """The last prediction as a reader has it, and where the service's time goes."""
    stages = {stage: seconds["p50_seconds"] for stage, seconds in stats["stream"]["stages"].items()}
    return [
        "  the last prediction, as a downstream reader sees it:",
        "  " + json.dumps(seen.example, default=str),
        f"  where a batch spends its time (median seconds): {json.dumps(stages)}",
    ]
