import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.errors import ConfigError
from scoreline.models.baseline.times import TimeReader

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(*cells):
    reader = TimeReader("seen_at", "rows.csv")
    times = reader.read(cells)
    reader.finish()
    return times.tolist()


def test_numbers_are_taken_as_they_are():
    assert read(3, 1.5, "20130101", -2) == [3.0, 1.5, 20130101.0, -2.0]


def test_moments_are_microseconds_since_the_epoch_in_utc():
    day = 86_400_000_000.0
    texts = ["1970-01-02", "1970-01-02T00:00:00Z", "1970-01-02 02:00:00+02:00", " 1970-01-02 "]
    moment = datetime(1970, 1, 2, tzinfo=UTC)
    assert read(*texts, date(1970, 1, 2), moment, moment.replace(tzinfo=None)) == [day] * 7
    assert read("1970-01-02T00:00:00.000001") == [day + 1]


@given(
    st.lists(st.integers(-(2**52), 2**52).map(lambda us: EPOCH + timedelta(microseconds=us)), min_size=2, max_size=6)
)
def test_moments_keep_their_order(moments):
    times = read(*(moment.isoformat() for moment in moments))
    assert sorted(range(len(moments)), key=moments.__getitem__) == sorted(range(len(times)), key=times.__getitem__)


@pytest.mark.parametrize("cell", [None, "", "yesterday", "25:99", math.nan, math.inf, True, [1], b"2026-01-01"])
def test_what_is_no_time_is_refused_with_how_many_there_are(cell):
    with pytest.raises(ConfigError, match=r"'seen_at' of rows.csv .*2 of 3 rows have none; the first is row 1"):
        read("2026-01-01", cell, cell)


def test_rows_are_numbered_through_all_pieces():
    reader = TimeReader("seen_at", "rows.csv")
    for cells in ([1, 2], [3, None], [None]):
        reader.read(cells)
    with pytest.raises(ConfigError, match="2 of 5 rows have none; the first is row 3, with null"):
        reader.finish()


def test_numbers_and_moments_in_one_column_are_refused():
    with pytest.raises(ConfigError, match=r"has moments \('2026-01-01'\) and numbers \(5\)"):
        read(5, "2026-01-01")
