"""Log lines for dead letters."""

import logging

import pytest

from scoreline.observability.dead_letters import DeadLetterLog
from scoreline.records import Reason
from scoreline.transport.record import StoredRecord
from tests.observability.batches import Ticking, make_batch, make_letter, make_records


@pytest.fixture(autouse=True)
def _level(caplog):
    caplog.set_level(logging.INFO, "scoreline.dead_letters")


def make_dead_batch(*reasons: Reason):
    records = make_records(len(reasons), first_offset=500)
    letters = [make_letter(r, reason) for r, reason in zip(records, reasons, strict=True)]
    return make_batch(records, positions={}, dead_letters=letters)


def test_a_reason_is_logged_at_once_with_the_position_of_an_example(caplog):
    DeadLetterLog(Ticking()).batch_scored(make_dead_batch(Reason.UNDECODABLE, Reason.UNDECODABLE, Reason.TOMBSTONE))
    lines = {vars(record)["reason"]: vars(record) for record in caplog.records}
    assert lines["undecodable"]["count"] == 2
    assert lines["tombstone"]["count"] == 1
    example = lines["tombstone"]
    assert (example["event"], example["topic"], example["partition"], example["offset"], example["version"]) == (
        "dead_letters",
        "features",
        0,
        502,
        3,
    )


def test_the_example_is_told_with_the_trace_that_it_belongs_to(caplog):
    traced = StoredRecord(headers_=[("traceparent", f"00-{'a' * 32}-{'b' * 16}-00".encode())])
    for record in (traced, StoredRecord()):
        letters = [make_letter(record)]
        DeadLetterLog(Ticking()).batch_scored(make_batch([record], positions={}, dead_letters=letters))

    assert [vars(line)["trace_id"] for line in caplog.records] == ["a" * 32, None]


def test_after_that_a_reason_is_counted_and_logged_every_ten_seconds(caplog):
    clock = Ticking()
    log = DeadLetterLog(clock)
    for _ in range(50):
        log.batch_scored(make_dead_batch(Reason.UNDECODABLE))
        log.turned()
        clock.now += 0.1
    assert [vars(record)["count"] for record in caplog.records] == [1]
    clock.now += 5
    log.turned()
    assert [vars(record)["count"] for record in caplog.records] == [1, 49]


def test_no_value_of_a_feature_is_logged_at_info(caplog):
    """A detail may quote what stood in the record."""
    DeadLetterLog(Ticking()).batch_scored(make_dead_batch(Reason.INVALID_VALUE))
    assert len(caplog.records) == 1
    assert not any("secret" in str(v) for record in caplog.records for v in vars(record).values())


def test_the_detail_is_there_at_debug(caplog):
    caplog.set_level(logging.DEBUG, "scoreline.dead_letters")
    DeadLetterLog(Ticking()).batch_scored(make_dead_batch(Reason.INVALID_VALUE))
    details = [record for record in caplog.records if vars(record)["event"] == "dead_letter_detail"]
    assert [record.levelname for record in details] == ["DEBUG"]
    assert "secret" in details[0].getMessage()


def test_a_batch_without_dead_letters_is_not_worth_a_line(caplog):
    DeadLetterLog(Ticking()).batch_scored(make_batch(make_records(3)))
    assert not caplog.records
