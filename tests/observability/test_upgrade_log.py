import logging

from scoreline.features import Feature
from scoreline.models.compiled.outcomes import Upgrade, UpgradeOutcome
from scoreline.models.model import ModelVersion
from scoreline.observability.upgrade_log import UpgradeLog
from scoreline.testing.fakes import WeightedSum

VERSION = ModelVersion("flights", 3, "sha", WeightedSum([Feature("x")], [1.0]))


def test_each_attempt_is_one_line_with_its_reason(caplog):
    caplog.set_level(logging.INFO)
    log = UpgradeLog()
    for outcome, detail in (
        (UpgradeOutcome.COMPILED, ""),
        (UpgradeOutcome.CACHED, ""),
        (UpgradeOutcome.REFUSED, "linear trees"),
        (UpgradeOutcome.FAILED, "out of memory?"),
    ):
        log.upgraded(Upgrade(VERSION, outcome, 1.23456, detail))
    assert [(r.event, r.levelname) for r in caplog.records] == [
        ("engine_upgraded", "INFO"),
        ("engine_upgraded", "INFO"),
        ("compilation_refused", "WARNING"),
        ("compilation_failed", "WARNING"),
    ]
    compiled, cached, refused, _ = caplog.records
    assert (compiled.cached, cached.cached, compiled.version, compiled.seconds) == (False, True, 3, 1.235)
    assert "linear trees" in refused.getMessage()


def test_code_that_could_not_be_kept_is_a_line_more(caplog):
    caplog.set_level(logging.INFO)
    UpgradeLog().upgraded(Upgrade(VERSION, UpgradeOutcome.COMPILED, 1.0, unkept="disk full"))
    assert [(r.event, r.levelname) for r in caplog.records] == [
        ("engine_upgraded", "INFO"),
        ("compiled_code_not_kept", "WARNING"),
    ]
    assert "disk full" in caplog.records[1].getMessage()
