import itertools

import pytest

from scoreline.jobs.events import ChunkName, find_chunk_key, find_key, parse_chunk_key
from tests.jobs.builders import JOB, OTHER, cancelled, chunk_done, chunk_failed, submitted


def test_no_two_events_have_the_same_key():
    """Not even two that say the same of one chunk, one after the other."""
    events = [
        *(make(JOB, submission) for make in (submitted, cancelled, cancelled) for submission in (JOB, OTHER)),
        *(chunk_done(number, JOB, submission) for number in (0, 1, 10) for submission in (JOB, OTHER)),
        *(chunk_done(number, OTHER) for number in (0, 1)),
        *(chunk_done(0, offset=offset) for offset in (7, 8)),
        *(chunk_failed(number) for number in (0, 0, 1)),
    ]
    assert len({find_key(event) for event in events}) == len(events)


@pytest.mark.parametrize("submission", [JOB, OTHER])
def test_a_chunk_is_named_by_its_key(submission):
    key = find_chunk_key(JOB, submission, 12)
    assert parse_chunk_key(key.encode()) == ChunkName(JOB, submission, 12)


@pytest.mark.parametrize(
    "key",
    [
        None,
        b"",
        JOB.encode(),
        find_key(cancelled()).encode(),
        find_key(chunk_done(1)).encode(),
        find_key(chunk_failed(1)).encode(),
        f"{JOB}/-1".encode(),
        f"{JOB}/1\n".encode(),
        f"{JOB}/1234567890".encode(),
        f"{JOB}@/1".encode(),
        f"{JOB.upper()[:-1]}A/1".encode(),
        b"\xff/1",
        "٣".join([f"{JOB}/", ""]).encode(),
    ],
    ids=itertools.count(),  # some have a random part
)
def test_a_key_that_no_chunk_has_names_none(key):
    assert parse_chunk_key(key) is None
