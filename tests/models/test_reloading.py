"""What comes of a look at the alias, and that nothing which is wrong with it touches the live version."""

import pytest

from scoreline.errors import ModelNotFound, ModelRejected, Refused, Unavailable
from scoreline.features import Feature
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Reloader, ReloadOutcome
from scoreline.testing.fakes import WeightedSum

MODEL = WeightedSum([Feature("x")], [1.0])


class Versions:
    """Versions whose next `follow` does what a scene says."""

    def __init__(self):
        self.live = LiveRoute((ModelVersion("flights", 1, "a", MODEL),))
        self.meant = 1
        self.error = None
        self.outage = None
        self.now = 0.0

    def follow(self, *, anew=False):
        self.now += 2.5
        if self.error is not None:
            raise self.error
        changed = self.meant != self.live.only.version
        self.live = LiveRoute((ModelVersion("flights", self.meant, "b", MODEL),))
        return changed


class Recorder:
    def __init__(self):
        self.looks = []

    def looked(self, look):
        self.looks.append(look)


@pytest.fixture
def versions():
    return Versions()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def reloader(versions, recorder):
    return Reloader(versions, clock=lambda: versions.now, observers=(recorder,))


def test_what_is_meant_already_is_no_news(reloader, recorder):
    look = reloader.look()
    assert (look.outcome, look.live.only.version, look.detail, look.load_seconds) == (
        ReloadOutcome.UNCHANGED,
        1,
        "",
        0.0,
    )
    assert recorder.looks == [look]


def test_another_version_is_told_with_the_time_that_it_took(reloader, versions, recorder):
    versions.meant = 2
    look = reloader.look()
    assert (look.outcome, look.live.only.version, look.load_seconds) == (ReloadOutcome.RELOADED, 2, 2.5)
    assert reloader.latest is look


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ModelRejected("golden rows differ"), ReloadOutcome.REJECTED),
        (ModelNotFound("there is no version 9"), ReloadOutcome.REJECTED),
        (Unavailable("the store is away"), ReloadOutcome.STORE_AWAY),
        (Refused("a package is missing"), ReloadOutcome.REJECTED),
        (RuntimeError("a backend's own"), ReloadOutcome.FAILED),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_the_live_version(reloader, versions, error, outcome):
    versions.error = error
    look = reloader.look()
    assert (look.outcome, look.live.only.version) == (outcome, 1)
    assert look.detail.endswith(str(error))
    versions.error = None
    assert reloader.look().detail == ""


def test_a_store_that_is_away_is_told_where_memory_has_answered(reloader, versions, recorder):
    """What memory says may still be a change; that it is only memory is told with the next look."""
    versions.outage = "no route to host"
    versions.meant = 2
    assert reloader.look().outcome is ReloadOutcome.RELOADED
    look = reloader.look()
    assert (look.outcome, look.detail, look.remembered) == (ReloadOutcome.STORE_AWAY, "no route to host", True)
    versions.outage = None
    assert reloader.look().outcome is ReloadOutcome.UNCHANGED


def test_what_nobody_has_foreseen_is_logged_once_for_each_text(reloader, versions, caplog):
    versions.error = RuntimeError("a backend's own")
    for _ in range(3):
        reloader.look()
    versions.error = RuntimeError("another")
    reloader.look()
    assert [record.event for record in caplog.records] == ["reload_failed"] * 2
