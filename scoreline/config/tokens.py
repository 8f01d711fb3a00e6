"""Bearer tokens of the sidecar, each with what it opens."""

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Access(StrEnum):
    """What a token opens; admin includes predict."""

    PREDICT = "predict"
    ADMIN = "admin"


_ACCESSES = frozenset(access.value for access in Access)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; its value is never shown."""

    access: Access
    value: str = field(repr=False)


def parse_tokens(text: str) -> tuple[Token, ...]:
    """Read `role:token,role:token`; line breaks separate as well as commas, so that a file may have one a line.

    Raises:
        ValueError: an entry has no role or no token; never shows a token.
    """
    return tuple(_parse_token(i, entry.strip()) for i, entry in enumerate(re.split(r"[,\n]", text), 1) if entry.strip())


def _parse_token(position: int, entry: str) -> Token:
    role, colon, value = entry.partition(":")
    if not colon or role not in _ACCESSES or not value.strip():
        raise ValueError(f"entry {position} has to be predict:TOKEN or admin:TOKEN")
    return Token(Access(role), value.strip())
