"""What a job is known by: its id, and what tells two uploads under one idempotency key apart."""

import hashlib
import re
import uuid
from typing import Protocol

from scoreline.errors import MalformedRequest

MOST_KEY_CHARACTERS = 255

UUID_PATTERN = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""How jobs and uploads are named: a UUID in its usual form, in lower case."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_JOB_ID = re.compile(UUID_PATTERN)
_ID_DOMAIN = b"scoreline job id\x00"
_DIGEST_DOMAIN = b"scoreline job body\x00"


class Digest(Protocol):
    """A hash that goes on: what `hashlib` gives."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """The hash of all of them so far."""
        ...


def derive_job_id(idempotency_key: str, token: str | None) -> str:
    """The id of the job that a caller names by a key of their own: a UUID of version 8, the same in every process.

    Args:
        idempotency_key: 1 to 255 visible ASCII characters.
        token: of the caller; None where nobody is asked for one. Two callers never share a job by chance.

    Raises:
        MalformedRequest: the key is not of that kind.
    """
    if not _KEY.fullmatch(idempotency_key):
        raise MalformedRequest(
            f"Idempotency-Key has to be 1 to {MOST_KEY_CHARACTERS} visible ASCII characters without spaces, "
            f"got {len(idempotency_key)} characters, some of which are others"
            if 0 < len(idempotency_key) <= MOST_KEY_CHARACTERS
            else f"Idempotency-Key has to be 1 to {MOST_KEY_CHARACTERS} characters, got {len(idempotency_key)}"
        )
    caller = b"" if token is None else hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
    made = hashlib.sha256(_ID_DOMAIN + bytes([len(caller)]) + caller + idempotency_key.encode("ascii")).digest()
    value = int.from_bytes(made[:16], "big")
    # RFC 9562, 5.8: everything but version and variant is up to whoever makes the UUID.
    value = value & ~(0xF << 76) | 8 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def is_job_id(text: str) -> bool:
    """Whether a text can be a job's id: a UUID in its usual form, in lower case."""
    return _JOB_ID.fullmatch(text) is not None


def start_digest(*, media_type: str, selector: str | None, ignore_unknown: bool) -> Digest:
    """A SHA-256 over what is asked for; the bytes of the body go in next.

    Args:
        media_type: of the body, without parameters.
        selector: of the version, as it was asked for.
    """
    found = hashlib.sha256(_DIGEST_DOMAIN)
    for part in (media_type, "" if selector is None else f"={selector}", str(ignore_unknown)):
        encoded = part.encode("utf-8", "surrogateescape")
        found.update(len(encoded).to_bytes(4, "big") + encoded)
    return found
