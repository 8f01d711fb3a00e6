"""One line for each change of the live version, and for each reason why there is none."""

import logging

from scoreline.features import Feature
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Look, ReloadOutcome
from scoreline.observability.reload_log import ReloadLog
from scoreline.testing.fakes import WeightedSum


def look(version, outcome=ReloadOutcome.UNCHANGED, detail=""):
    return Look(outcome, live(version), detail, 1.5)


def live(*versions, bounds=(), shadows=()):
    loaded = [ModelVersion("flights", n, "sha", WeightedSum([Feature("x")], [1.0])) for n in (*versions, *shadows)]
    return LiveRoute(tuple(loaded[: len(versions)]), bounds, tuple(loaded[len(versions) :]))


def test_each_change_and_each_trouble_is_one_line(caplog):
    caplog.set_level(logging.INFO)
    log = ReloadLog("production", live(1))
    for each in (
        look(1),
        look(2, ReloadOutcome.RELOADED),
        look(2),
        look(2, ReloadOutcome.REJECTED, "damaged"),
        look(2, ReloadOutcome.REJECTED, "damaged"),
        look(2, ReloadOutcome.STORE_AWAY, "away"),
        look(2),
        look(2),
    ):
        log.looked(each)
    assert [(r.event, r.levelname) for r in caplog.records] == [
        ("version_live", "INFO"),
        ("version_rejected", "WARNING"),
        ("model_store_away", "WARNING"),
        ("version_settled", "INFO"),
    ]
    changed, rejected = caplog.records[:2]
    assert (changed.version, changed.before, changed.seconds) == (2, 1, 1.5)
    assert (rejected.version, rejected.detail) == (2, "damaged")


def test_a_route_is_told_with_all_its_versions(caplog):
    caplog.set_level(logging.INFO)
    log = ReloadLog("production", live(1))
    log.looked(Look(ReloadOutcome.RELOADED, live(1, 2, bounds=(2**63,), shadows=(3,)), "", 1.5))
    (record,) = caplog.records
    assert record.getMessage() == ("production means versions 1 and 2, shadowed by 3: it answers instead of version 1")
    assert (record.versions, record.shadows, record.before) == ((1, 2), [3], 1)
