"""What a panel of the dashboard is, and how the usual queries are written."""

from collections.abc import Sequence
from dataclasses import dataclass

RATE = "[$__rate_interval]"

State = tuple[int, str, str]
"""A value, the word for it, and its colour."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, without the selectors of the dashboard's variables, and how its series are called."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        unit: Grafana's name for it.
        kind: of panel, in Grafana's words.
        width: of the 24 columns of a row.
        bad_at: from this value on it is red; None for no colour.
        states: of a panel whose values are states.
    """

    title: str
    unit: str
    queries: tuple[Query, ...]
    kind: str
    width: int
    bad_at: float | None
    states: Sequence[State]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels under one title."""

    title: str
    panels: tuple[Panel, ...]


def show(
    title: str,
    unit: str,
    *queries: tuple[str, str],
    kind: str = "timeseries",
    width: int = 8,
    bad_at: float | None = None,
    states: Sequence[State] = (),
) -> Panel:
    """A panel of (expression, legend)."""
    return Panel(title, unit, tuple(Query(*query) for query in queries), kind, width, bad_at, states)


def rate(metric: str, *labels: str, where: str = "") -> tuple[str, str]:
    """A counter's rate, summed by these labels, and a legend of them."""
    selected = f"{metric}{{{where}}}" if where else metric
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} (rate({selected}{RATE}))", " ".join(f"{{{{{label}}}}}" for label in labels)


def quantiles(metric: str, *fractions: float, by: str = "") -> tuple[tuple[str, str], ...]:
    """Quantiles of a histogram, one query each."""
    labels = f"{by}, le" if by else "le"
    named = f"{{{{{by}}}}} " if by else ""
    return tuple(
        (f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{RATE})))", f"{named}p{q * 100:.0f}")
        for q in fractions
    )


def share(part: str, whole: str, *labels: str, of: str = "", among: str = "") -> str:
    """The share that a part has in the rate of a whole.

    Args:
        labels: by which the part is told apart.
        of, among: what is selected of the part and of the whole.
    """
    matching = f" ignoring ({', '.join(labels)}) group_left ()" if labels else ""
    return f"{rate(part, *labels, where=of)[0]} /{matching} {rate(whole, where=among)[0]}"


def largest(metric: str, *labels: str, most: int = 10) -> str:
    """A gauge's largest values among all processes."""
    return f"topk({most}, max by ({', '.join(labels)}) ({metric}))"


def by_labels(measure: str, *, squares: bool = False) -> str:
    """A measure of quality over all processes, of which one with more labels says more.

    Args:
        squares: whether it is the root of a mean of squares.
    """
    metric, labels = f"scoreline_quality_{measure}", "scoreline_quality_labels"
    each = f"{metric} ^ 2" if squares else metric
    mean = f"sum by (version) ({each} * {labels}) / sum by (version) ({labels} and {metric})"
    return f"sqrt({mean})" if squares else mean
