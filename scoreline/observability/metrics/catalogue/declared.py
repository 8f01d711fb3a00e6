"""What the declaration of a metric says."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "scoreline_"


class Type(StrEnum):
    """What a scraper may do with a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric family.

    Attributes:
        name: without the prefix.
        unit: of its values; empty where it is a mere flag.
        labels: each of them takes a bounded number of values.
        bounds: inclusive upper bounds of a histogram's buckets, ascending, without infinity.
    """

    name: str
    type: Type
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As a scraper sees it."""
        return PREFIX + self.name

    @property
    def named_unit(self) -> str:
        """The unit where the name ends with it, as OpenMetrics asks; else empty."""
        return self.unit if self.unit and self.name.removesuffix("_total").endswith(self.unit) else ""


def make_decades(first_exponent: int, last_exponent: int, *more: float) -> tuple[float, ...]:
    """1, 2.5 and 5 times each power of ten, then `more`."""
    steps = [float(f"{m}e{e}") for e in range(first_exponent, last_exponent + 1) for m in (1, 2.5, 5)]
    return (*steps, *more)
