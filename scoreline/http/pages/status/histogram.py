"""Two distributions over the same bins, small enough for a line of text, as SVG and in words."""

from collections.abc import Sequence

from scoreline.http.pages.status.markup import Html, element, join, name_of
from scoreline.http.pages.status.wording import say_share
from scoreline.observability.drift.histograms import Histogram

WIDTH, HEIGHT = 120, 28
TOLD = 3
LEAST_TOLD = 0.005


def draw_histogram(histogram: Histogram) -> Html:
    """The window as an area, where there is one, and the baseline as a line over it."""
    baseline, window = histogram["baseline"], histogram["window"]
    highest = max((*baseline, *window), default=0.0) or 1.0
    area = element("path", d=f"{_trace(window, highest)}V{HEIGHT}H0z", class_="window") if window else None
    return element(
        "svg",
        area,
        element("path", d=_trace(baseline, highest), class_="baseline"),
        role="img",
        aria_label="window as an area, baseline as a line" if window else "baseline as a line, no window yet",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
    )


def tell_differences(histogram: Histogram) -> Html | None:
    """The bars whose shares differ most, in words; None where none differs, or there is no window."""
    if not histogram["window"]:
        return None
    bars = zip(histogram["labels"], histogram["baseline"], histogram["window"], strict=True)
    different = [bar for bar in bars if abs(bar[2] - bar[1]) >= LEAST_TOLD]
    told = sorted(different, key=lambda bar: -abs(bar[2] - bar[1]))[:TOLD]
    if not told:
        return None
    items = (
        element("li", name_of(label), f": {say_share(baseline)} in the baseline, {say_share(window)} in the window")
        for label, baseline, window in told
    )
    return join("Differs most in", element("ul", *items))


def _trace(shares: Sequence[float], highest: float) -> str:
    """A path along the tops of bars, from left to right."""
    width = WIDTH / max(1, len(shares))
    tops = (f"V{HEIGHT - round(share / highest * HEIGHT)}H{(i + 1) * width:.4g}" for i, share in enumerate(shares))
    return f"M0 {HEIGHT}{''.join(tops)}"
