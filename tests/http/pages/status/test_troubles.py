import pytest

from scoreline.http.pages.status.picture import StatusPicture
from scoreline.http.pages.status.troubles import Severity, find_troubles
from scoreline.jobs.job import JobStatus
from scoreline.observability.health import ComponentHealth, HealthReport
from tests.http.pages.pictures import (
    AT_MS,
    make_axis,
    make_drift,
    make_health,
    make_job,
    make_jobs,
    make_lags,
    make_models,
    make_picture,
    make_rich_picture,
    make_work,
)

WATCHING = HealthReport([ComponentHealth("labels", "stream", False, False, "its thread has ended", advisory=True)])


def make_pace(**work):
    return {"pace": make_work(**work)[0]}


def test_a_calm_picture_has_none():
    assert find_troubles(make_picture()) == []


@pytest.mark.parametrize(
    ("changes", "words", "detail", "section"),
    [
        ({"health": make_health("kafka")}, "kafka is not ready", "no acknowledgement for 31 s", "health"),
        ({"health": make_health("stream!")}, "stream is stuck", "no acknowledgement for 31 s", "health"),
        ({"health": WATCHING}, "labels has failed", "its thread has ended", "health"),
        ({"health": HealthReport([])}, "no component has said anything", "the process is starting", "health"),
        (make_pace(letters=90), "records become dead letters", "4.5 % of the latest records", "letters"),
        (make_pace(failures=9), "requests fail", "9 of the latest 200 requests were answered with a 5xx", "pace"),
        ({"lags": make_lags(_2=(9, 61.0))}, "the stream is behind", "1 partition, 9 records; the furthest", "lag"),
        ({"models": make_models(detail="rejected")}, "what the alias production means now", "rejected", "models"),
        ({"models": make_models(problem="away")}, "the model store does not answer", "away", "models"),
        ({"drift": make_drift(make_axis("a", state="drift"))}, "features or outputs of version 7 have", "a", "drift"),
        ({"drift": make_drift(make_axis("a", state="warning"))}, "features or outputs of version 7 may", "a", "drift"),
        ({"jobs": make_jobs(make_job(JobStatus.FAILED, detail="x"))}, "batch jobs have failed", "1 job within", "jobs"),
    ],
)
def test_each_thing_that_is_wrong_is_told_with_its_section(changes, words, detail, section):
    (trouble,) = find_troubles(make_picture(**changes))
    assert trouble.words.startswith(words)
    assert trouble.detail.startswith(detail)
    assert trouble.section == section


@pytest.mark.parametrize(
    "changes",
    [
        make_pace(letters=10),
        make_pace(failures=1),
        {"lags": make_lags(_2=(100_000, 59.0), _3=(5, None))},
        {"lanes": make_lags(topic="jobs", _2=(100, 900.0))},
        {"lags": None, "lanes": make_lags(topic="jobs", _2=(100, 900.0))},
        {"drift": make_drift(make_axis("a", state="no_data"))},
        {"jobs": make_jobs(make_job(JobStatus.CANCELLED))},
    ],
)
def test_what_is_usual_is_not_wrong(changes):
    assert find_troubles(make_picture(**changes)) == []


def test_the_worst_comes_first():
    picture = make_rich_picture()
    stuck = make_health("kafka", "stream!")
    severities = [trouble.severity for trouble in find_troubles(make_picture(health=stuck, drift=picture.drift))]
    assert severities == [Severity.STUCK, Severity.UNREADY, Severity.WATCH, Severity.WATCH]
    assert find_troubles(picture)[0].section == "health"


def test_only_three_of_many_features_are_named():
    drift = make_drift(*(make_axis(f"f{i}", state="drift") for i in range(9)))
    (trouble,) = find_troubles(make_picture(drift=drift))
    assert trouble.detail == "f0, f1, f2 and 6 more"


def test_a_job_that_failed_long_ago_is_history():
    old = make_jobs(make_job(JobStatus.FAILED))
    assert find_troubles(make_picture(jobs=old, at_ms=AT_MS + 7_200_000)) == []


def test_a_process_without_any_role_has_nothing_wrong_but_its_health():
    assert find_troubles(StatusPicture(AT_MS, make_health())) == []


def test_the_words_hold_no_figures_that_would_be_read_out_at_every_change():
    words = [trouble.words for trouble in find_troubles(make_rich_picture())]
    assert [each for each in words if any(c.isdigit() for c in each.replace("version 7", ""))] == []
