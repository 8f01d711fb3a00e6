import re

from hypothesis import given
from hypothesis import strategies as st

from scoreline.http.pages.status.histogram import HEIGHT, WIDTH, draw_histogram, tell_differences
from tests.http.pages.markup_reader import MarkupReader


def make_histogram(*pairs):
    labels = [str(i) for i in range(len(pairs))]
    return {"labels": labels, "baseline": [b for b, _ in pairs], "window": [w for _, w in pairs]}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30))
def test_a_drawing_stays_within_its_box(pairs):
    drawing = MarkupReader(draw_histogram(make_histogram(*pairs)))
    for path in drawing.find("path"):
        numbers = re.findall(r"([VHM])(-?[\d.]+)", path.attributes["d"])
        assert all(0 <= float(n) <= (HEIGHT if letter == "V" else WIDTH) for letter, n in numbers)


def test_the_tallest_bar_is_as_tall_as_the_box():
    drawing = MarkupReader(draw_histogram(make_histogram((0.2, 0.4), (0.1, 0.0))))
    window, baseline = (path.attributes["d"] for path in drawing.find("path"))
    assert window == "M0 28V0H60V28H120V28H0z"
    assert baseline == "M0 28V14H60V21H120"


def test_without_a_window_there_is_the_baseline_alone():
    histogram = {"labels": ["a", "b"], "baseline": [0.5, 0.5], "window": []}
    drawing = MarkupReader(draw_histogram(histogram))
    assert [path.attributes["class"] for path in drawing.find("path")] == ["baseline"]
    assert "no window yet" in drawing.one("svg").attributes["aria-label"]
    assert tell_differences(histogram) is None


def test_what_differs_most_is_told_in_words_and_nothing_where_nothing_does():
    told = re.sub(r"<[^>]+>", "", tell_differences(make_histogram((0.5, 0.1), (0.3, 0.3), (0.2, 0.6))))
    assert "0: 50 % in the baseline, 10 % in the window" in told
    assert "1:" not in told
    assert tell_differences(make_histogram((0.5, 0.501), (0.5, 0.499))) is None
