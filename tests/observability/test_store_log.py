import logging

from scoreline.models.store import Outage
from scoreline.observability.store_log import StoreLog


def test_an_outage_of_the_store_is_a_warning_and_its_end_a_line(caplog):
    caplog.set_level(logging.INFO, "scoreline.models")
    outage = Outage("no route to host", began=1.0)
    StoreLog().store_away(outage)
    StoreLog().store_back(outage)
    away, back = caplog.records
    assert (away.levelname, away.event) == ("WARNING", "model_store_recalled")
    assert "no route to host" in away.getMessage()
    assert (back.levelname, back.event) == ("INFO", "model_store_back")


def test_a_memory_that_fails_is_a_warning_with_the_reason(caplog):
    StoreLog().not_remembered("the cache folder cannot be used: disk full")
    (record,) = caplog.records
    assert (record.levelname, record.event) == ("WARNING", "model_store_not_remembered")
    assert record.detail in record.getMessage()
