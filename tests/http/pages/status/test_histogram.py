import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.http.pages.status.histogram import HEIGHT, MOST_BARS, WIDTH, draw_histogram, merge_bars, tell_differences
from tests.http.pages.markup_reader import MarkupReader

SHARES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=300)


def make_histogram(pairs, outside=()):
    labels = [str(i) for i in range(len(pairs))] + list(outside)
    pairs = [*pairs, *((0.1, 0.2) for _ in outside)]
    return {"labels": labels, "baseline": [b for b, _ in pairs], "window": [w for _, w in pairs]}


@given(SHARES, st.sampled_from([(), ("missing",), ("under", "over", "unseen", "missing")]))
def test_merging_keeps_every_share_and_what_lies_outside_apart(pairs, outside):
    histogram = make_histogram(pairs, outside)
    bars = merge_bars(histogram)
    assert len(bars) <= MOST_BARS
    assert sum(bar[1] for bar in bars) == pytest.approx(sum(histogram["baseline"]))
    assert sum(bar[2] for bar in bars) == pytest.approx(sum(histogram["window"]))
    assert tuple(bar[0] for bar in bars if not bar[0][0].isdigit()) == outside


@given(SHARES)
def test_a_drawing_stays_within_its_box(pairs):
    drawing = MarkupReader(draw_histogram(make_histogram(pairs)))
    for path in drawing.find("path"):
        numbers = re.findall(r"([VHM])(-?[\d.]+)", path.attributes["d"])
        assert all(0 <= float(n) <= (HEIGHT if letter == "V" else WIDTH) for letter, n in numbers)


def test_the_tallest_bar_is_as_tall_as_the_box():
    drawing = MarkupReader(draw_histogram(make_histogram([(0.2, 0.4), (0.1, 0.0)])))
    window, baseline = (path.attributes["d"] for path in drawing.find("path"))
    assert window == "M0 28V0H60V28H120V28H0z"
    assert baseline == "M0 28V14H60V21H120"


def test_what_differs_most_is_told_in_words_and_nothing_where_nothing_does():
    told = tell_differences(make_histogram([(0.5, 0.1), (0.3, 0.3), (0.2, 0.6)]))
    assert "0: 50 % in the baseline, 10 % in the window" in clean(told)
    assert "1:" not in clean(told)
    assert tell_differences(make_histogram([(0.5, 0.501), (0.5, 0.499)])) is None


def clean(markup):
    return re.sub(r"<[^>]+>", "", markup)
