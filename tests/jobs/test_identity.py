import hashlib
import uuid

import pytest

from scoreline.errors import MalformedRequest
from scoreline.jobs.identity import derive_job_id, is_job_id, start_digest

ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def test_a_key_always_gives_the_same_uuid():
    """Written down: two releases that run side by side have to agree."""
    assert derive_job_id("key-1", None) == "093ff989-6b0b-865a-9398-9695b677f2a5"
    found = uuid.UUID(derive_job_id("key-1", "token"))
    assert (found.version, found.variant) == (8, uuid.RFC_4122)


def test_two_callers_or_two_keys_never_share_a_job():
    ids = {derive_job_id(key, token) for key in ("a", "b", "ab") for token in (None, "", "a", "b", "b" * 64)}
    assert len(ids) == 15
    assert all(map(is_job_id, ids))


@pytest.mark.parametrize("key", ["", "a b", "ü", "a\n", "a\x7f", "x" * 256])
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises(MalformedRequest, match="Idempotency-Key has to be 1 to 255"):
        derive_job_id(key, None)


@pytest.mark.parametrize("key", ["x", "x" * 255, "!~"])
def test_a_key_of_any_visible_characters_is_taken(key):
    assert is_job_id(derive_job_id(key, None))


@pytest.mark.parametrize("text", ["", "1", ID.upper(), ID.replace("-", ""), f"{ID}\n", f"{ID}/1"])
def test_what_is_no_uuid_in_its_usual_form_is_no_job_id(text):
    assert not is_job_id(text)


def digest(body=b"", *, media_type="application/json", selector=None, ignore_unknown=False):
    found = start_digest(media_type=media_type, selector=selector, ignore_unknown=ignore_unknown)
    found.update(body)
    return found.digest()


def test_a_digest_tells_everything_apart_that_is_asked_for():
    different = [
        digest(),
        digest(b"x"),
        digest(media_type="application/x-ndjson"),
        digest(selector="1"),
        digest(selector=""),
        digest(ignore_unknown=True),
        hashlib.sha256().digest(),
    ]
    assert len(set(different)) == len(different)
    assert digest(b"x", selector="1") == digest(b"x", selector="1")
