"""Moments as someone types them."""

from datetime import UTC, datetime, timedelta

from scoreline.errors import ConfigError

MAX_DIGITS = 14
"""Of milliseconds until the year 5138: more of them are of another unit."""

LEAST_MS = 100_000_000_000
"""March 1973: fewer are seconds, or a date without hyphens, far more often than they are milliseconds."""

EPOCH = datetime.fromtimestamp(0, UTC)


def parse_moment(text: str, option: str) -> int:
    """Milliseconds since the epoch of ISO 8601 (UTC where it names no zone), or of a number of them.

    A moment between two milliseconds is the later one: nothing before it counts as after it.

    Args:
        option: that the moment was given for, for the message.

    Raises:
        ConfigError: it is neither.
    """
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        if 0 < int(text) < LEAST_MS:
            raise ConfigError(
                f"{option}: {text} milliseconds after the epoch are in {EPOCH.year} or soon after; expected "
                "milliseconds, not seconds, or ISO 8601 with hyphens, as 2026-03-01T12:00:00Z"
            )
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option}: expected ISO 8601, as 2026-03-01T12:00:00Z, or milliseconds since the epoch; it is {text!r}"
        ) from None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
    return -(-since // timedelta(milliseconds=1))


def format_moment(milliseconds: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    moment = EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
