"""What is known of each month: what was streamed, what drift said at its end, and how good it was once labels came."""

import calendar
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scoreline.demo.flights import FIRST_STREAMED_MONTH
from scoreline.demo.quality import area_under_curve, log_loss
from scoreline.observability.drift.report import VersionReport

if TYPE_CHECKING:
    import pandas as pd

LAST_MONTH = 12


class Raised(NamedTuple):
    """A feature or output whose state became worse, by which rule, and what that had looked at."""

    name: str
    rule: str
    statistic: str


class Standing(NamedTuple):
    """A feature or output that is not ok; `used` is its share of what the model uses, None for an output."""

    name: str
    state: str
    used: float | None
    rule: str
    statistic: str
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class MonthDrift:
    """One month as it was when it had been streamed, before anybody knew a label of it.

    Attributes:
        standing: what `/drift` said at its end, the worst first.
        raised, cleared: events of that month.
        new_destinations: flights by destination, of those that the training never had.
    """

    name: str
    flights: int
    standing: Sequence[Standing]
    raised: Sequence[Raised]
    cleared: int
    new_destinations: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MonthQuality:
    """How good the predictions of one month were, over all its flights that arrived.

    Attributes:
        share_true: of flights that were late.
        live_labels, live_auc: what the service said when it had them all, over its latest labels.
    """

    name: str
    labels: int
    auc: float
    log_loss: float
    mean_prediction: float
    share_true: float
    live_labels: int
    live_auc: float | None


def list_months() -> Sequence[int]:
    """Those that are streamed."""
    return range(FIRST_STREAMED_MONTH, LAST_MONTH + 1)


def name_month(month: int) -> str:
    """In English.

    >>> name_month(7)
    'July'
    """
    return calendar.month_name[month]


def describe_drift(
    month: int, flights: "pd.DataFrame", known: frozenset[str], told: VersionReport, events: Sequence[Mapping[str, Any]]
) -> MonthDrift:
    """Put together what is known at the end of a month.

    Args:
        flights: of the month.
        known: destinations of the training.
        told: what `/drift` says.
        events: those of the month.
    """
    new = flights["dest"][~flights["dest"].isin(known)]
    return MonthDrift(
        name=name_month(month),
        flights=len(flights),
        standing=list_standing(told),
        raised=[
            Raised(event["name"], event["rule"], event["statistic"]) for event in events if event["kind"] == "raised"
        ],
        cleared=sum(event["kind"] == "cleared" for event in events),
        new_destinations=dict(Counter(new.tolist()).most_common()),
    )


def list_standing(told: VersionReport) -> Sequence[Standing]:
    """What is in drift, then what has a warning; of each those first that the model uses most."""
    return [
        Standing(
            name=feature["name"],
            state=state,
            used=feature["importance"],
            rule=cause["rule"],
            statistic=cause["statistic"],
            value=cause["value"],
            threshold=cause["threshold"],
        )
        for state in ("drift", "warning")
        for feature in told["features"]
        if feature["state"] == state and (cause := feature["cause"]) is not None
    ]


def measure_quality(
    month: int, arrived: "pd.DataFrame", predictions: Mapping[str, float], live: Mapping[str, Any]
) -> MonthQuality:
    """Compare a month with what was true.

    Args:
        arrived: flights of the month whose `late` is known, all of them predicted.
        predictions: by flight id.
        live: what the service says of the version.
    """
    labels, scores = arrived["late"].to_numpy(), [predictions[flight] for flight in arrived["id"]]
    return MonthQuality(
        name=name_month(month),
        labels=len(arrived),
        auc=area_under_curve(labels, scores),
        log_loss=log_loss(labels, scores),
        mean_prediction=float(np.mean(scores)),
        share_true=float(labels.mean()),
        live_labels=live["labels"],
        live_auc=live["auc"],
    )
