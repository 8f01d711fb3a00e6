"""Which letters are redriven, as what, and in which transactions."""

import json

import pytest

from scoreline.dead_letters import ATTEMPT_HEADER, dead_letter_headers
from scoreline.records import PIN_HEADER, DeadLetter, Reason, find_header
from scoreline.stream.dead_letter_selection import LetterSelection, read_letter
from scoreline.stream.redrive import (
    Destination,
    Fate,
    LetterSorter,
    Redrive,
    RedrivenLetters,
    RedriveRules,
    bound_by_rate,
)
from scoreline.transport.record import StoredRecord
from tests.stream.letters import WRITTEN_AT_MS, make_letter

RULES = RedriveRules("features", "features.redrive", max_attempts=5)
DESTINATION = Destination("features.redrive", 4, "features.dead-letters.redriven", 2)


def note_markers(*markers):
    redriven = RedrivenLetters()
    for marker in markers:
        redriven.note(marker)
    return redriven


def judge(record, *markers):
    return RULES.judge(read_letter(record), note_markers(*markers))


def mark(record):
    return DESTINATION.address(read_letter(record))[1]


class TestFates:
    def test_a_letter_from_our_input_or_our_redrive_topic_is_due(self):
        assert judge(make_letter()) is Fate.DUE
        assert judge(make_letter(source="features.redrive")) is Fate.DUE

    def test_a_letter_from_another_topic_is_left_to_its_own_deployment(self):
        assert judge(make_letter(source="orders")) is Fate.FOREIGN

    @pytest.mark.parametrize(("attempts_before", "fate"), [(3, Fate.DUE), (4, Fate.EXHAUSTED), (9, Fate.EXHAUSTED)])
    def test_a_letter_that_was_tried_as_often_as_allowed_is_left(self, attempts_before, fate):
        assert judge(make_letter(attempts_before=attempts_before)) is fate

    def test_a_letter_with_a_marker_is_done_and_its_neighbours_are_not(self):
        marker = mark(make_letter(3, partition=1))

        assert judge(make_letter(3, partition=1), marker) is Fate.REDRIVEN
        assert judge(make_letter(2, partition=1), marker) is Fate.DUE
        assert judge(make_letter(3, partition=2), marker) is Fate.DUE

    def test_a_marker_of_a_topic_that_was_made_anew_does_not_hide_the_letter_at_the_same_offset(self):
        marker = mark(make_letter(3, written_at_ms=WRITTEN_AT_MS - 1))

        assert judge(make_letter(3), marker) is Fate.DUE

    @pytest.mark.parametrize("value", [b"", b"by hand", b"[]", b"{}", b'{"letter_timestamp_ms": "x"}'])
    def test_a_marker_that_was_written_by_hand_counts(self, value):
        marker = StoredRecord(key_=mark(make_letter(3)).key(), value_=value)

        assert judge(make_letter(3), marker) is Fate.REDRIVEN

    def test_a_marker_is_taken_back_by_one_without_a_value(self):
        marker = mark(make_letter(3))
        withdrawn = StoredRecord(key_=marker.key(), value_=None)

        assert judge(make_letter(3), marker, withdrawn) is Fate.DUE
        assert judge(make_letter(3), withdrawn) is Fate.DUE
        assert len(note_markers(marker, StoredRecord(key_=None))) == 1


class TestMarkersThatOutliveTheirLetters:
    TOPIC = "features.dead-letters"

    def test_are_taken_back_where_they_lie(self):
        gone, kept, other = (mark(make_letter(offset, partition=p)) for offset, p in [(3, 1), (4, 1), (0, 2)])
        redriven = note_markers(gone, kept, other)

        (withdrawn,) = redriven.find_outlived(self.TOPIC, {1: 4})
        assert (withdrawn.topic(), withdrawn.partition()) == (gone.topic(), gone.partition())
        assert (withdrawn.key(), withdrawn.value()) == (gone.key(), None)
        redriven.note(withdrawn)
        assert len(redriven) == 2
        assert redriven.find_outlived(self.TOPIC, {1: 4}) == []

    @pytest.mark.parametrize(
        "key",
        [
            b"other-1-0",
            b"a.features.dead-letters-1-0",
            b"features.dead-letters-1",
            b"features.dead-letters-x-y",
            b"\xff",
        ],
    )
    def test_of_others_and_by_other_hands_are_left(self, key):
        redriven = note_markers(StoredRecord(key_=key, value_=b"{}"))

        assert redriven.find_outlived(self.TOPIC, {0: 9, 1: 9}) == []


class TestWhatIsWritten:
    def test_key_value_and_the_callers_headers_travel_and_of_ours_only_the_attempt(self):
        theirs = [("trace", b"a"), (PIN_HEADER, b"7"), ("trace", b"b"), ("none", None)]
        again, _ = DESTINATION.address(read_letter(make_letter(headers=theirs, attempts_before=1)))

        assert (again.key(), again.value()) == (b"key", b"v")
        assert again.headers() == [*theirs, (ATTEMPT_HEADER, b"2")]

    def test_it_goes_on_in_the_trace_that_it_came_in(self):
        trace = [("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"), ("tracestate", b"x=1")]
        again, _ = DESTINATION.address(read_letter(make_letter(headers=trace)))

        assert again.headers()[:2] == trace

    def test_a_tombstone_stays_one(self):
        again, _ = DESTINATION.address(read_letter(make_letter(value=None, reason=Reason.TOMBSTONE)))

        assert again.value() is None

    def test_it_goes_to_the_partition_that_it_came_from(self):
        again, marker = DESTINATION.address(read_letter(make_letter(partition=3, source_partition=6)))

        assert (again.topic(), again.partition()) == ("features.redrive", 2)
        assert (marker.topic(), marker.partition()) == ("features.dead-letters.redriven", 1)

    def test_the_marker_names_the_letter_and_tells_where_it_went(self):
        marker = mark(make_letter(12, partition=3, source_partition=6, attempts_before=2))

        assert marker.key() == b"features.dead-letters-3-12"
        assert json.loads(marker.value()) == {
            "letter_timestamp_ms": WRITTEN_AT_MS,
            "topic": "features.redrive",
            "partition": 2,
            "attempt": 3,
        }

    def test_another_failure_is_counted_as_the_next_attempt(self):
        again, _ = DESTINATION.address(read_letter(make_letter(attempts_before=1)))
        failed = DeadLetter(again, Reason.INVALID_VALUE, "still wrong")

        assert dict(dead_letter_headers(failed, failed_at_ms=0))[ATTEMPT_HEADER] == b"3"


def test_a_sorter_counts_what_is_meant_by_reason_and_fate():
    records = [
        make_letter(0),
        make_letter(1, source="orders"),
        make_letter(2, reason=Reason.TOMBSTONE),
        make_letter(3, reason=Reason.TOO_LARGE),
        StoredRecord(offset_=4),
    ]
    selection = LetterSelection(reasons=frozenset({"invalid_value", "tombstone"}))
    sorter = LetterSorter(RULES, selection, note_markers(mark(records[2])))

    fates = [(letter.record.offset(), fate) for letter, fate in sorter.sort(records)]
    assert fates == [(0, Fate.DUE), (1, Fate.FOREIGN), (2, Fate.REDRIVEN)]
    assert sorter.counts == {
        ("invalid_value", Fate.DUE): 1,
        ("invalid_value", Fate.FOREIGN): 1,
        ("tombstone", Fate.REDRIVEN): 1,
    }
    assert (sorter.unreadable, sorter.total(Fate.DUE), sorter.total(Fate.EXHAUSTED)) == (1, 1, 0)


class Transactions:
    """Records what was sent together; refuses from the given transaction on."""

    def __init__(self, *, allowed=99):
        self.sent = []
        self.asked = []
        self.allowed = allowed

    def send_together(self, records):
        self.sent.append(records)

    def may_go_on(self, written):
        self.asked.append(written)
        return len(self.asked) <= self.allowed

    @property
    def letters(self):
        """Keys of the markers, a list for each transaction."""
        return [[r.key() for r in records if r.topic() == DESTINATION.marker_topic] for records in self.sent]


def redrive(transactions, records, **bounds):
    redriving = Redrive(
        DESTINATION, send_together=transactions.send_together, may_go_on=transactions.may_go_on, **bounds
    )
    for record in records:
        redriving.take(read_letter(record))
    redriving.finish()
    return redriving


class TestTransactions:
    def test_every_letter_is_written_together_with_its_marker_in_order(self):
        transactions = Transactions()
        done = redrive(transactions, [make_letter(n) for n in range(5)], max_records=2)

        keys = [b"features.dead-letters-0-%d" % n for n in range(5)]
        assert transactions.letters == [keys[:2], keys[2:4], keys[4:]]
        assert [len(records) for records in transactions.sent] == [4, 4, 2]
        assert (done.written, transactions.asked) == (5, [0, 2, 4])

    def test_bytes_bound_a_transaction_too_and_a_larger_letter_goes_alone(self):
        transactions = Transactions()
        sizes = [30, 30, 500, 30]
        redrive(transactions, [make_letter(n, value=b"v" * size) for n, size in enumerate(sizes)], max_bytes=100)

        assert [len(records) // 2 for records in transactions.sent] == [2, 1, 1]

    def test_nothing_due_is_no_transaction(self):
        transactions = Transactions()

        assert redrive(transactions, []).written == 0
        assert transactions.asked == []

    def test_a_stop_keeps_everything_that_was_not_written(self):
        transactions = Transactions(allowed=1)
        done = redrive(transactions, [make_letter(n) for n in range(5)], max_records=2)

        assert (done.written, done.stopped, len(transactions.sent)) == (2, True, 1)

    def test_what_could_not_be_written_is_not_counted(self):
        class Refusing(Transactions):
            def send_together(self, records):
                raise ConnectionError

        transactions = Refusing()
        redriving = Redrive(DESTINATION, send_together=transactions.send_together, may_go_on=transactions.may_go_on)
        redriving.take(read_letter(make_letter()))

        with pytest.raises(ConnectionError):
            redriving.finish()
        assert redriving.written == 0

    @pytest.mark.parametrize(("per_second", "records"), [(None, 500), (0.2, 1), (1.9, 1), (40.0, 40), (9000.0, 500)])
    def test_a_rate_bounds_a_transaction_to_what_a_second_brings(self, per_second, records):
        assert bound_by_rate(per_second) == records


def test_a_crash_between_any_two_transactions_neither_loses_nor_doubles():
    """Every prefix of transactions may have been written when the next redrive begins with its markers."""
    records = [make_letter(n, partition=n % 3) for n in range(11)]
    whole = Transactions()
    redrive(whole, records, max_records=2)
    for survived in range(len(whole.sent) + 1):
        written = [record for transaction in whole.sent[:survived] for record in transaction]
        markers = [record for record in written if record.topic() == DESTINATION.marker_topic]
        sorter = LetterSorter(RULES, LetterSelection(), note_markers(*markers))
        again = Transactions()
        due = [letter.record for letter, fate in sorter.sort(records) if fate is Fate.DUE]
        redrive(again, due, max_records=3)
        keys = [key for letters in [*whole.letters[:survived], *again.letters] for key in letters]
        assert sorted(keys) == sorted(mark(record).key() for record in records)
        attempts = [r for t in [*whole.sent[:survived], *again.sent] for r in t if r.topic() == DESTINATION.topic]
        assert [find_header(r, ATTEMPT_HEADER) for r in attempts] == [b"1"] * len(records)
