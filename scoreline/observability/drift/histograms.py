"""What an axis looked like and looks like, as bars for people."""

from typing import TypedDict


class Histogram(TypedDict):
    """Bars of both, in the same order; shares of all rows, which add up to 1; `window` is empty without a window."""

    labels: list[str]
    baseline: list[float]
    window: list[float]
