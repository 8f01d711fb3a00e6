from dataclasses import replace

import pytest

from scoreline.http.pages.page import Page
from scoreline.http.pages.status.markup import element, join
from scoreline.http.pages.status.picture import StatusPicture
from scoreline.http.pages.status.rendering import render
from scoreline.http.pages.status.wording import UNKNOWN
from scoreline.records import TopicPartition
from tests.http.pages.markup_reader import MarkupReader
from tests.http.pages.pictures import (
    AT_MS,
    HOSTILE,
    make_axis,
    make_drift,
    make_health,
    make_hostile_picture,
    make_lags,
    make_models,
    make_picture,
    make_rich_picture,
)

SECTIONS = ["health", "pace", "lag", "models", "drift", "quality", "letters", "jobs"]
MOST_BYTES = 60_000


def read(picture):
    return MarkupReader(render(picture))


def read_section(picture, key):
    return read(picture).one("section", id=key).text


def test_it_begins_with_what_is_wrong_and_goes_on_with_every_section():
    page = read(make_rich_picture())
    assert page.elements[0].tag == "h1"
    assert page.elements[0].text == "Kafka is not ready, and 7 more things are wrong."
    assert [section.attributes["id"] for section in page.find("section")] == SECTIONS
    links = [link.attributes["href"] for link in page.find("a")]
    assert len(links) == 8
    assert set(links) <= {f"#{key}" for key in SECTIONS}


def test_where_nothing_is_wrong_it_says_so_and_lists_nothing():
    page = read(make_picture())
    assert page.one("h1").text == "Nothing is wrong."
    assert page.find("a") == []


def test_one_other_thing_that_is_wrong_is_told_as_one():
    page = read(make_picture(health=make_health("kafka", "stream!")))
    assert page.one("h1").text == "Stream is stuck, and one more thing is wrong."


@pytest.mark.parametrize("make", [make_picture, make_rich_picture, make_hostile_picture])
def test_who_hears_the_page_is_told_what_stands_where(make):
    """Sections have headings, tables captions and heads, drawings words; only the headline is read out by itself."""
    page = read(make())
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert all(section.attributes["aria-labelledby"] in ids for section in page.find("section"))
    for table in page.find("table"):
        assert table.children[0].tag == "caption"
        assert table.children[0].text
    assert all(head.attributes["scope"] in ("col", "row") for head in page.find("th"))
    assert all(drawing.attributes["role"] == "img" and drawing.attributes["aria-label"] for drawing in page.find("svg"))
    assert [e.tag for e in page.elements if "aria-live" in e.attributes] == ["h1"]
    assert all(state.text[0] in "✔▲✖○" and len(state.text) > 3 for state in page.elements if is_state(state))


def is_state(element):
    return (element.attributes.get("class") or "").startswith("state ")


def test_names_that_mean_harm_stay_text():
    page = read(make_hostile_picture())
    assert {e.tag for e in page.elements} == {e.tag for e in read(make_rich_picture()).elements}
    names = {name for e in page.elements for name in e.attributes}
    assert names == {name for e in read(make_rich_picture()).elements for name in e.attributes}
    assert all(e.attributes["href"].startswith("#") for e in page.find("a"))
    for name in HOSTILE[:5]:
        assert any(e.tag == "bdi" and e.text == name for e in page.elements)


def test_names_are_bounded_and_turn_nothing_around_them():
    bdis = read(make_hostile_picture()).find("bdi")
    assert max(len(e.text) for e in bdis) <= 201
    assert any("\u202e" in e.text for e in bdis)
    assert all("\u202e" not in e.text for e in read(make_hostile_picture()).find("h1"))


def test_what_cannot_be_written_in_utf_8_is_no_reason_to_show_nothing():
    body = Page("status").answer(render(make_hostile_picture())).body
    assert b"?" in body
    assert len(body.decode()) > 1000


def test_with_25_features_it_stays_small():
    assert len(Page("status").answer(render(make_rich_picture())).body) < MOST_BYTES


def test_hundreds_of_features_partitions_and_versions_do_not_make_it_large():
    """The worst of them are shown, and how many there are."""
    axes = [make_axis(f"f{i}", state="drift" if i == 399 else "ok") for i in range(400)]
    models = make_models()
    models["versions"] = [{**models["versions"][0], "version": i} for i in range(1, 500)]
    models["aliases"] = {f"a{i}": {"version": 1} for i in range(300)}
    lags = {TopicPartition("flights", i): make_lags()[TopicPartition("flights", 1)] for i in range(500)}
    picture = make_picture(drift=make_drift(*axes), models=models, lags=lags)
    assert len(render(picture)) < MOST_BYTES
    assert "and 360 more" in read_section(picture, "drift")
    assert "f399" in read_section(picture, "drift")
    assert "499" in read_section(picture, "models")
    assert "500 partitions" in read_section(picture, "lag")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("pace", "no role that scores"),
        ("lag", "neither the role stream nor the role jobs"),
        ("models", "has not answered yet"),
        ("drift", "not watched in this process"),
        ("quality", "set SCORELINE_LABELS_TOPIC"),
        ("letters", "no role stream"),
        ("jobs", "SCORELINE_KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_what_is_not_there_says_what_it_would_take(key, words):
    picture = StatusPicture(AT_MS, make_health())
    assert words in read_section(picture, key)
    if key != "pace":
        assert "SCORELINE_HTTP_TOKENS" in read_section(replace(picture, withheld=True), key)


@pytest.mark.parametrize(
    ("key", "changes", "words"),
    [
        ("lag", {"lags": {}, "lanes": {}}, "No partition is assigned"),
        ("drift", {"drift": {"model": "delays", "versions": []}}, "Nothing was scored yet"),
        ("letters", {}, "None since the start"),
        ("jobs", {"jobs": replace(make_picture().jobs, counts={}, latest=[])}, "There are none"),
    ],
)
def test_what_is_empty_says_so(key, changes, words):
    assert words in read_section(make_picture(**changes), key)


def test_lanes_of_batch_jobs_are_shown_apart_from_the_stream_also_where_there_is_no_stream():
    lanes = make_lags(topic="jobs", _2=(90, 900.0))
    for lags in (make_lags(), None):
        shown = read_section(make_picture(lags=lags, lanes=lanes), "lag")
        assert "Batch jobs: 3 partitions" in shown
        assert "chunks that wait" in shown
        assert ("Stream: 2 partitions" in shown) == (lags is not None)


def test_every_figure_stands_in_its_place():
    page = read(make_rich_picture())
    rows = {row.children[0].text: [cell.text for cell in row.children[1:]] for row in page.find("tr")}
    assert rows["stream"] == ["200 records/s", "9 dead letters/s", "20 ms", "20 ms", "20 ms", "1,910 predictions"]
    assert rows["flights-2"] == ["81,000", "7.2 min"]
    assert rows["flights-3"] == [UNKNOWN, UNKNOWN]
    assert rows["production"] == ["version 6 (90 %), version 7 (10 %); shadowed by 8"]
    assert rows["8 beside 7"] == ["4,096", "0.003", "98 %"]
    assert rows["7"] == ["binary", "3,200", "0.912", "0.3", "0.11", "0.02", "1.5 h"]
    assert rows["c45b10e2"][:3] == ["○ running", "49,000 of 50,000", "12"]
    assert rows["2025-01-01 02:53:20"] == ["invalid_value", "flights-0 offset 1200", "7"]


def test_a_feature_that_has_drifted_comes_first_with_the_reason():
    first = read(make_rich_picture()).one("li", **{"data-key": "axis-7-temp"})
    assert first.text.startswith("✖ drift temp")
    assert "js distance is 0.31, the limit 0.12, over 4 windows (rule: calibrated)." in first.text
    assert "missing: 0 % in the baseline, 30 % in the window" in first.text
    drift = read_section(make_rich_picture(), "drift")
    assert "Baseline: published, 160,000 rows, limits calibrated for windows of some lengths." in drift
    assert "RMSE" not in read_section(make_rich_picture(), "quality")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limits": "uncalibrated"}, "uncalibrated: limits are fixed"),
        ({"limits": None}, "limits not known yet"),
        ({"limits": "calibrated"}, "limits calibrated."),
        ({"window": None}, "No window has ended yet."),
        ({"baseline": None}, "No baseline yet"),
        ({"detail": "3 more windows are learned from"}, "3 more windows are learned from"),
    ],
)
def test_a_version_says_what_it_is_compared_with_and_what_is_waited_for(changes, words):
    drift = make_drift(make_axis("temp"))
    drift["versions"][0] |= changes
    assert words in read_section(make_picture(drift=drift), "drift")


def test_what_is_not_made_here_is_escaped_wherever_it_is_put():
    made = element("p", "<b>", join("&", element("i", 3)), title='"<', hidden=True, class_=None)
    assert made == '<p title="&quot;&lt;" hidden>&lt;b&gt;&amp;<i>3</i></p>'
