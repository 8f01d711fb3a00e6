"""Two distributions over the same bins, small enough for a line of text, as SVG and in words."""

from collections.abc import Sequence

from scoreline.http.pages.status.markup import Html, element, join, name_of
from scoreline.http.pages.status.wording import say_share
from scoreline.observability.drift.report import HistogramAnswer

MOST_BARS = 24
WIDTH, HEIGHT = 120, 28
TOLD = 3
_LEAST_TOLD = 0.005

Bar = tuple[str, float, float]
"""Label, share in the baseline, share in the window."""


def draw_histogram(histogram: HistogramAnswer) -> Html:
    """The window as an area, the baseline as a line over it."""
    bars = merge_bars(histogram)
    highest = max([share for _, *shares in bars for share in shares], default=0.0) or 1.0
    window = _trace([share / highest for _, _, share in bars])
    baseline = _trace([share / highest for _, share, _ in bars])
    return element(
        "svg",
        element("path", d=f"{window}V{HEIGHT}H0z", class_="window"),
        element("path", d=baseline, class_="baseline"),
        role="img",
        aria_label="window as an area, baseline as a line",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
    )


def tell_differences(histogram: HistogramAnswer) -> Html | None:
    """The bins whose shares differ most, in words; None where none differs."""
    bars = sorted(merge_bars(histogram), key=lambda bar: -abs(bar[2] - bar[1]))
    told = [bar for bar in bars[:TOLD] if abs(bar[2] - bar[1]) >= _LEAST_TOLD]
    if not told:
        return None
    items = (
        element("li", name_of(label), f": {say_share(baseline)} in the baseline, {say_share(window)} in the window")
        for label, baseline, window in told
    )
    return join("Differs most in", element("ul", *items))


def merge_bars(histogram: HistogramAnswer) -> Sequence[Bar]:
    """At most `MOST_BARS` bars: neighbours are drawn as one where there are more; what is missing stays apart."""
    bars = list(zip(histogram["labels"], histogram["baseline"], histogram["window"], strict=True))
    apart = [bar for bar in bars if bar[0] in _APART]
    inner = [bar for bar in bars if bar[0] not in _APART]
    together = -(-len(inner) // max(1, MOST_BARS - len(apart)))
    merged = [_merge(inner[i : i + together]) for i in range(0, len(inner), max(1, together))]
    return [*merged, *apart]


_APART = frozenset({"under", "over", "unseen", "missing"})


def _merge(bars: Sequence[Bar]) -> Bar:
    label = bars[0][0] if len(bars) == 1 else f"{bars[0][0]} … {bars[-1][0]}"
    return label, sum(bar[1] for bar in bars), sum(bar[2] for bar in bars)


def _trace(heights: Sequence[float]) -> str:
    """A path along the tops of bars, from left to right; heights from 0 to 1."""
    width = WIDTH / max(1, len(heights))
    steps = (f"V{HEIGHT - round(height * HEIGHT)}H{(i + 1) * width:.4g}" for i, height in enumerate(heights))
    return f"M0 {HEIGHT}{''.join(steps)}"
