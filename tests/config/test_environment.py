"""The environment and the `.env` file, read in one place."""

from pathlib import Path

import pytest

from scoreline.config.environment import Variable, find_cache_dir, read_variables
from scoreline.errors import ConfigError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    from scoreline.config.environment import read_environment

    for name in read_environment():
        if name.startswith("SCORELINE_"):
            monkeypatch.delenv(name)


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("SCORELINE_MODEL=file\nSCORELINE_GROUP_ID='from file'\nOTHER=1\n# a remark\n")
    monkeypatch.setenv("SCORELINE_MODEL", "environment")

    assert read_variables(file) == [
        Variable("SCORELINE_GROUP_ID", "from file", str(file)),
        Variable("SCORELINE_MODEL", "environment", "environment"),
    ]


def test_an_empty_variable_counts_as_unset_and_hides_the_file(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("SCORELINE_MODEL=file\nSCORELINE_GROUP_ID=\n")
    monkeypatch.setenv("SCORELINE_MODEL", "")

    assert read_variables(file) == []


def test_only_our_prefix_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "x:1")
    monkeypatch.setenv("SCORELINER", "x")

    assert read_variables(tmp_path / "absent") == []


def test_a_file_that_is_not_text_is_a_bad_configuration(tmp_path):
    file = tmp_path / ".env"
    file.write_bytes(b"SCORELINE_MODEL=\xff\n")

    with pytest.raises(ConfigError, match=r"\.env: cannot be read"):
        read_variables(file)


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert find_cache_dir() == Path("/somewhere/scoreline")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert find_cache_dir() == Path.home() / ".cache" / "scoreline"
