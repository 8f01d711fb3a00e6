import pytest

from scoreline.records import TopicPartition
from scoreline.testing.ledger import NAMED_AT_MOST, Ledger, Repeat

PREDICTIONS, LETTERS = TopicPartition("predictions", 0), TopicPartition("dead-letters", 0)


def keep_book(*numbers, partition=PREDICTIONS):
    ledger = Ledger()
    for offset, number in enumerate(numbers):
        ledger.note(number, partition, offset)
    return ledger


def test_records_that_all_come_once_in_order_leave_nothing_to_say():
    found = keep_book(0, 1, 2).settle(3)
    assert (found.sent, found.lost, found.repeats, found.disordered) == (3, (), 0, 0)


def test_what_never_came_is_lost_in_between_and_at_the_end():
    assert keep_book(0, 2).settle(5).lost == (1, 3, 4)


def test_a_copy_too_many_is_named_with_both_of_its_places():
    found = keep_book(0, 1, 0).settle(2)
    assert found.repeats == 1
    assert found.named_repeats == (Repeat(0, PREDICTIONS, 0, 2),)
    assert str(found.named_repeats[0]) == "0 at predictions[0] 0 and 2"
    assert found.disordered == 0


def test_a_prediction_and_a_dead_letter_for_one_record_are_a_copy_too_many():
    ledger = keep_book(0, 1)
    ledger.note(1, LETTERS, 0)
    assert ledger.settle(2).repeats == 1
    assert (ledger.different, ledger.copies) == (2, 3)


def test_a_first_copy_behind_a_later_record_of_its_partition_is_out_of_order():
    found = keep_book(0, 2, 1).settle(3)
    assert (found.disordered, found.named_disordered) == (1, (1,))


def test_partitions_have_no_order_between_them():
    ledger = keep_book(5, 6)
    ledger.note(1, LETTERS, 0)
    assert ledger.settle(7).disordered == 0


def test_only_the_first_few_are_named_and_all_are_counted():
    found = keep_book(*([0] * 100)).settle(1)
    assert found.repeats == 99
    assert len(found.named_repeats) == NAMED_AT_MOST


def test_a_record_that_was_never_sent_is_refused():
    with pytest.raises(ValueError, match="2 records were sent, but number 2 has come"):
        keep_book(0, 1, 2).settle(2)
    with pytest.raises(ValueError, match="at least 0"):
        keep_book(-1)
