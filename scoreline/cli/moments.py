"""Moments as someone types them."""

from datetime import UTC, datetime

from scoreline.errors import ConfigError

MAX_DIGITS = 14
"""Of milliseconds until the year 5138: more of them are of another unit."""


def parse_moment(text: str, option: str) -> int:
    """Milliseconds since the epoch of ISO 8601 (UTC where it names no zone), or of a number of them.

    Args:
        option: that the moment was given for, for the message.

    Raises:
        ConfigError: it is neither.
    """
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option}: expected ISO 8601, as 2026-03-01T12:00:00Z, or milliseconds since the epoch; it is {text!r}"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def format_moment(milliseconds: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
