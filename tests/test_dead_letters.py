"""What a dead letter looks like on its topic."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.dead_letters import (
    ATTEMPT_HEADER,
    LETTER_HEADERS,
    MAX_HEADER_BYTES,
    dead_letter_headers,
    redrive_headers,
)
from scoreline.records import PIN_HEADER, UNREADABLE_HEADERS, DeadLetter, Headers, Reason
from scoreline.transport.record import StoredRecord


def make_headers(
    headers: Headers | None = None,
    *,
    reason: Reason = Reason.INVALID_VALUE,
    detail: str = "temp is inf",
    version: int | None = 3,
) -> list[tuple[str, bytes | None]]:
    record = StoredRecord("features", 2, 41, b"k", b"v", headers, timestamp_ms=1_234)
    return dead_letter_headers(DeadLetter(record, reason, detail, version), failed_at_ms=5_678)


def test_a_dead_letter_says_what_was_wrong_and_where_the_record_lay():
    assert make_headers() == [
        ("scoreline-error-reason", b"invalid_value"),
        ("scoreline-error-detail", b"temp is inf"),
        ("scoreline-error-version", b"3"),
        ("scoreline-source-topic", b"features"),
        ("scoreline-source-partition", b"2"),
        ("scoreline-source-offset", b"41"),
        ("scoreline-source-timestamp", b"1234"),
        ("scoreline-attempt", b"1"),
        ("scoreline-failed-at", b"5678"),
    ]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_name(reason):
    assert dict(make_headers(reason=reason))["scoreline-error-reason"] == reason.value.encode()


def test_the_callers_headers_come_first_in_their_order_repeated_and_null_ones_too():
    theirs = [("trace", b"\xff\x00"), ("b", None), ("trace", b"2")]
    assert make_headers(theirs)[:3] == theirs


def test_a_pin_survives_so_that_a_redrive_asks_for_the_same_version():
    assert dict(make_headers([(PIN_HEADER, b"99")], reason=Reason.UNKNOWN_VERSION))[PIN_HEADER] == b"99"


def test_older_headers_of_ours_are_replaced_and_the_attempt_is_counted():
    once = make_headers([("trace", b"1")], detail="first")
    twice = make_headers(once, detail="second")
    names = [name for name, _ in twice]
    assert len(names) == len(set(names))
    assert dict(twice)["scoreline-attempt"] == b"2"
    assert dict(twice)["scoreline-error-detail"] == b"second"
    assert twice[0] == ("trace", b"1")


@pytest.mark.parametrize("nonsense", [b"many", b"", None, b"-3", b"9" * 400, "٣".encode()])
def test_an_attempt_that_is_no_number_counts_as_none(nonsense):
    assert dict(make_headers([("scoreline-attempt", nonsense)]))["scoreline-attempt"] == b"1"


def test_without_a_version_or_a_timestamp_their_headers_are_empty():
    class Timeless(StoredRecord):
        def timestamp(self) -> tuple[int, int]:
            return 0, -1

    headers = dict(dead_letter_headers(DeadLetter(Timeless(), Reason.TOMBSTONE, ""), failed_at_ms=0))
    assert headers["scoreline-error-version"] == b""
    assert headers["scoreline-source-timestamp"] == b""


@settings(max_examples=60)
@given(st.text(max_size=8), st.integers(0, 1100))
def test_a_long_detail_is_cut_at_one_kibibyte_between_characters(text, times):
    detail = "a" * (times % 7) + text * times
    cut = dict(make_headers(detail=detail))["scoreline-error-detail"]
    assert cut is not None
    whole = detail.encode("utf-8", "replace")
    assert len(cut) <= MAX_HEADER_BYTES
    assert whole.startswith(cut)
    assert cut.decode() == whole.decode()[: len(cut.decode())]
    assert len(whole) - len(cut) < 4 or len(cut) > MAX_HEADER_BYTES - 4


def test_what_stands_in_for_unreadable_headers_is_not_carried():
    """With it, the record would be refused again after a redrive."""
    assert UNREADABLE_HEADERS not in dict(make_headers([(UNREADABLE_HEADERS, b"")]))


def test_a_lone_surrogate_in_a_detail_does_not_hurt():
    assert dict(make_headers(detail="\ud800x"))["scoreline-error-detail"] == b"?x"


def test_the_headers_of_a_letter_are_the_ones_that_are_left_out_of_a_redrive():
    letter = DeadLetter(StoredRecord(headers_=[("trace", b"1")]), Reason.INVALID_VALUE, "x")
    written = dead_letter_headers(letter, failed_at_ms=0)

    assert {name for name, _ in written} == {"trace", *LETTER_HEADERS}
    assert redrive_headers(StoredRecord(headers_=written)) == [("trace", b"1"), (ATTEMPT_HEADER, b"1")]
