"""Moments as someone types them."""

import pytest

from scoreline.cli.moments import format_moment, parse_moment
from scoreline.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1700000000123", 1_700_000_000_123),
        ("0", 0),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T22:13:20", 1_700_000_000_000),
        ("2023-11-14T23:13:20.250+01:00", 1_700_000_000_250),
        ("2023-11-14", 1_699_920_000_000),
    ],
)
def test_iso_8601_and_milliseconds_are_understood_and_utc_is_meant_where_no_zone_is_named(text, milliseconds):
    assert parse_moment(text, "--to") == milliseconds


@pytest.mark.parametrize("text", ["", "yesterday", "-5", "1e9", "2023-13-01", "1700000000123000000"])
def test_anything_else_is_told_with_its_option(text):
    with pytest.raises(ConfigError, match="--since: expected ISO 8601"):
        parse_moment(text, "--since")


def test_a_moment_reads_back_as_it_was_printed():
    assert format_moment(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
    assert parse_moment(format_moment(1_700_000_000_123), "--to") == 1_700_000_000_123
