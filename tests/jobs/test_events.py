import pytest

from scoreline.jobs.events import ChunkName, find_chunk_key, find_key, parse_chunk_key
from tests.jobs.builders import JOB, OTHER, cancelled, chunk_done, chunk_failed, submitted


def test_events_that_differ_in_meaning_have_different_keys():
    events = [
        *(make(JOB, submission) for make in (submitted, cancelled) for submission in (JOB, OTHER)),
        *(chunk_done(number, JOB, submission) for number in (0, 1, 10) for submission in (JOB, OTHER)),
        *(chunk_done(number, OTHER) for number in (0, 1)),
    ]
    assert len({find_key(event) for event in events}) == len(events)


@pytest.mark.parametrize("submission", [JOB, OTHER])
def test_a_chunk_is_named_by_its_key_as_by_the_event_that_ends_it(submission):
    key = find_chunk_key(JOB, submission, 12)
    assert key == find_key(chunk_done(12, JOB, submission)) == find_key(chunk_failed(12, JOB, submission))
    assert parse_chunk_key(key.encode()) == ChunkName(JOB, submission, 12)


@pytest.mark.parametrize(
    "key",
    [
        None,
        b"",
        JOB.encode(),
        f"{JOB}/cancel".encode(),
        f"{JOB}/-1".encode(),
        f"{JOB}/1\n".encode(),
        f"{JOB}/1234567890".encode(),
        f"{JOB}@/1".encode(),
        f"{JOB.upper()[:-1]}A/1".encode(),
        b"\xff/1",
        "٣".join([f"{JOB}/", ""]).encode(),
    ],
)
def test_a_key_that_no_chunk_has_names_none(key):
    assert parse_chunk_key(key) is None
