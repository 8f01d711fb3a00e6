import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.jobs.chunk import MOST_CHUNKS
from scoreline.jobs.places import ChunkPlaces
from scoreline.jobs.result import ResultPlace


def place(number: int, *, rows: int = 10, rows_failed: int = 0, offset: int = 0, first_row: int | None = None):
    return ResultPlace(number, number * rows if first_row is None else first_row, rows, rows_failed, 1, offset)


@settings(max_examples=50, deadline=None)
@given(numbers=st.lists(st.integers(0, 30), max_size=60), first_row=st.integers(0, 320), rows=st.integers(1, 100))
def test_places_are_a_dictionary_by_number_of_which_the_last_word_counts(numbers, first_row, rows):
    places, naive = ChunkPlaces(), {}
    for i, number in enumerate(numbers):
        added = place(number, rows_failed=i % 3, offset=i)
        places.add(added)
        naive[number] = added
    assert len(places) == len(naive)
    assert places.count_rows() == (10 * len(naive), sum(p.rows_failed for p in naive.values()))
    wanted = [p for _, p in sorted(naive.items()) if p.first_row < first_row + rows and first_row < p.first_row + 10]
    assert list(places.locate(first_row, rows)) == wanted


def test_places_far_out_keep_every_bit():
    far = ResultPlace(MOST_CHUNKS - 1, 2**62, 2**31 - 1, 2**31 - 1, 2**31 - 1, 2**63 - 1)
    places = ChunkPlaces()
    places.add(far)
    assert list(places.locate(2**62, 1)) == [far]
    assert places.count_rows() == (2**31 - 1, 2**31 - 1)


@pytest.mark.parametrize(
    "odd",
    [
        ResultPlace(-1, 0, 1, 0, 0, 0),
        ResultPlace(MOST_CHUNKS, 0, 1, 0, 0, 0),
        ResultPlace(2**70, 0, 1, 0, 0, 0),
        ResultPlace(0, -1, 1, 0, 0, 0),
        ResultPlace(0, 2**63, 1, 0, 0, 0),
        ResultPlace(0, 0, 0, 0, 0, 0),
        ResultPlace(0, 0, 2**31, 0, 0, 0),
        ResultPlace(0, 0, 1, 2, 0, 0),
        ResultPlace(0, 0, 1, -1, 0, 0),
        ResultPlace(0, 0, 1, 0, -1, 0),
        ResultPlace(0, 0, 1, 0, 0, -1),
        ResultPlace(0, 0, 1, 0, 0, 2**63),
    ],
)
def test_what_no_chunk_can_be_is_passed_over(odd):
    places = ChunkPlaces()
    places.add(place(3))
    places.add(odd)
    assert [p.number for p in places.locate(0, 2**40)] == [3]


def test_a_chunk_takes_less_than_64_bytes_in_whatever_order_they_are_done():
    places = ChunkPlaces()
    numbers = list(range(5000))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        places.add(place(number))
    assert sys.getsizeof(places._cells) / len(places) < 40


def test_places_that_do_not_fit_the_job_are_forgotten():
    places = ChunkPlaces()
    for number in (0, 1, 2, 9):
        places.add(place(number))
    places.keep_within(chunks=3, rows=25)
    assert [p.number for p in places.locate(0, 1000)] == [0, 1]
