from dataclasses import fields
from types import SimpleNamespace

import pytest

from scoreline.config.roles import Role
from scoreline.http.pages.status.picture import JobsSeen
from scoreline.jobs.view import JobView
from scoreline.observability.health import HealthReport
from scoreline.observability.latest_letters import LatestDeadLetters
from scoreline.observability.metrics import Metrics
from scoreline.observability.metrics.partitions import Lag
from scoreline.observability.pace import RecentPace
from scoreline.observability.stats import Stats
from scoreline.records import TopicPartition
from scoreline.service.status_sources import find_status_sources
from tests.observability.batches import make_batch, make_letter, make_records

ALL = frozenset(Role)
PARTITION = TopicPartition("features", 0)


@pytest.fixture
def parts():
    """As `scoreline.service.parts.Parts`, as far as the page asks."""
    stats = Stats()
    return SimpleNamespace(
        metrics=Metrics(),
        stats=stats,
        pace=RecentPace(stats, ["stream", "http", "jobs"]),
        latest_letters=LatestDeadLetters(),
    )


def find(parts, roles=ALL, *, guarded=True, **options):
    listing = SimpleNamespace(list_versions=lambda: {"model": "m"})
    return find_status_sources(parts, frozenset(roles), listing, guarded=guarded, **options)


def name_known(sources):
    return {field.name for field in fields(sources) if getattr(sources, field.name) not in (None, False)}


def test_a_picture_has_what_the_parts_have_counted(parts):
    view = JobView(lambda: 0.0, results_retention_seconds=60)
    sources = find(parts, jobs_view=view, read_drift=lambda: "drift", read_quality=lambda: "quality")
    parts.metrics.assigned([PARTITION])
    parts.metrics.set_lag(PARTITION, 5, 0.5)
    batch = make_batch(make_records(2), positions={}, dead_letters=[make_letter(each) for each in make_records(2)])
    parts.latest_letters.batch_scored(batch)
    parts.stats.batch_scored(batch)
    picture = sources.take_picture(7, HealthReport([]), sources.list_models())
    assert picture.lags == {PARTITION: Lag(5, 0.5)}
    assert len(picture.letters) == 2
    assert picture.pace["stream"].counts["dead_letters"] == 2
    assert picture.totals["stream"]["dead_letters"] == {"undecodable": 2}
    assert isinstance(picture.jobs, JobsSeen)
    assert (picture.models, picture.drift, picture.quality) == ({"model": "m"}, "drift", "quality")


def test_what_a_role_does_not_have_is_left_out(parts):
    http = name_known(find(parts, {Role.HTTP}))
    assert http == {"read_pace", "read_totals", "list_models"}
    assert name_known(find(parts, {Role.JOBS})) == http | {"read_lanes"}
    assert name_known(find(parts, {Role.STREAM})) == http | {"read_lags", "read_letters"}


def test_a_process_that_others_can_reach_without_a_token_keeps_back_what_they_could_not_ask_for(parts):
    sources = find(parts, guarded=False, jobs_view=object(), read_drift=object(), read_quality=object())
    assert name_known(sources) == {"read_pace", "read_totals", "read_lags", "read_lanes", "withheld"}


def test_lags_go_with_their_partition(parts):
    parts.metrics.assigned([PARTITION])
    assert find(parts).read_lags() == {PARTITION: Lag(None, None)}
    lane = TopicPartition("jobs", 1)
    parts.metrics.jobs.assigned([lane])
    parts.metrics.jobs.set_lag(lane, 3, None)
    parts.metrics.revoked([PARTITION])
    parts.metrics.set_lag(PARTITION, 9, 9.0)
    assert find(parts).read_lags() == {}
    assert find(parts).read_lanes() == {lane: Lag(3, None)}
