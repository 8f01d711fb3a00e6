"""One line for each change of the live version, and for each reason why there is none."""

import logging

from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Look, ReloadOutcome
from scoreline.observability.reload_log import ReloadLog
from scoreline.testing.fakes import WeightedSum


def look(version, outcome=ReloadOutcome.UNCHANGED, detail=""):
    return Look(outcome, ModelVersion("flights", version, "sha", WeightedSum([Feature("x")], [1.0])), detail, 1.5)


def test_each_change_and_each_trouble_is_one_line(caplog):
    caplog.set_level(logging.INFO)
    log = ReloadLog("production", 1)
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
    live, rejected = caplog.records[:2]
    assert (live.version, live.before, live.seconds) == (2, 1, 1.5)
    assert (rejected.version, rejected.detail) == (2, "damaged")
