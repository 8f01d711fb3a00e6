"""Moments as someone types them."""

import random

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
        ("2023-11-14T22:13:20.0001Z", 1_700_000_000_001),
        ("2023-11-14", 1_699_920_000_000),
    ],
)
def test_iso_8601_and_milliseconds_are_understood_and_utc_is_meant_where_no_zone_is_named(text, milliseconds):
    assert parse_moment(text, "--to") == milliseconds


@pytest.mark.parametrize("text", ["", "yesterday", "-5", "1e9", "2023-13-01", "1700000000123000000"])
def test_anything_else_is_told_with_its_option(text):
    with pytest.raises(ConfigError, match="--since: expected ISO 8601"):
        parse_moment(text, "--since")


@pytest.mark.parametrize("text", ["1700000000", "20231114", "2023"])
def test_seconds_and_dates_without_hyphens_are_not_taken_for_milliseconds(text):
    with pytest.raises(ConfigError, match=r"--from: .* not seconds"):
        parse_moment(text, "--from")


def test_a_moment_reads_back_as_it_was_printed():
    rng = random.Random(7)
    for milliseconds in (1_700_000_000_123, *(rng.randrange(0, 4 * 10**12) for _ in range(2000))):
        assert parse_moment(format_moment(milliseconds), "--to") == milliseconds
    assert format_moment(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
