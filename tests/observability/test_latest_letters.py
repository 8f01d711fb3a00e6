from scoreline.observability.latest_letters import KEPT, LatestDeadLetters
from scoreline.records import Reason
from tests.observability.batches import FINISHED_AT_MS, make_batch, make_letter, make_records


def add(letters, n, **options):
    records = make_records(n, **options)
    letters.batch_scored(make_batch(records, positions={}, dead_letters=[make_letter(record) for record in records]))


def test_the_latest_are_kept_newest_first_whatever_comes():
    letters = LatestDeadLetters()
    add(letters, 3)
    add(letters, 10_000, first_offset=3)
    seen = letters.read()
    assert [each.offset for each in seen] == list(range(10_002, 10_002 - KEPT, -1))
    assert {each.at_ms for each in seen} == {FINISHED_AT_MS}


def test_where_a_record_lies_is_kept_and_nothing_that_was_in_it():
    letters = LatestDeadLetters()
    add(letters, 1)
    (seen,) = letters.read()
    assert (seen.reason, seen.topic, seen.partition, seen.offset, seen.version) == (
        Reason.UNDECODABLE,
        "features",
        0,
        0,
        3,
    )
    assert "secret" not in repr(seen)


def test_batches_without_any_and_batches_that_are_read_again_leave_none():
    letters = LatestDeadLetters()
    letters.batch_scored(make_batch(make_records(5)))
    letters.batch_rolled_back(make_records(5), ValueError(), 1.0)
    letters.turned()
    assert letters.read() == ()
