"""Rows as they stand on a command line."""

import io

import pytest

from scoreline.cli.row_arguments import find_spare, open_upload, read_arguments, read_value
from scoreline.config.settings import Settings
from scoreline.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5", 3.5),
        ("true", True),
        ("null", None),
        ("UA", "UA"),
        ('"7"', "7"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_values_on_a_command_line_are_json_where_they_can_be(text, value):
    assert read_value(text) == value
    assert type(read_value(text)) is type(value)


def test_pairs_make_one_row():
    assert list(read_arguments(["temp=3.5", "note=a=b"])) == [(1, {"temp": 3.5, "note": "a=b"})]


def test_a_file_of_text_is_read_like_a_command_line(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,UA\n,x\n")

    assert list(read_arguments([str(tmp_path / "rows.csv")])) == [(2, {"a": 1, "b": "UA"}), (3, {"a": None, "b": "x"})]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_without_a_file_standard_input_is_read(arguments, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 1}\n'))

    assert list(read_arguments(arguments)) == [(1, {"a": 1})]


def test_a_mixture_is_refused():
    with pytest.raises(ConfigError, match="name=value for one row, or one file"):
        list(read_arguments(["a=1", "rows.csv"]))


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson"])
def test_json_lines_become_a_job_as_they_are(tmp_path, suffix):
    """What is wrong with one of them is for the sidecar to say, beside the results of the others."""
    (tmp_path / f"rows.{suffix}").write_bytes(b'{"a": 1}\n{"a": \n')

    with open_upload(str(tmp_path / f"rows.{suffix}")) as rows:
        assert rows.read() == b'{"a": 1}\n{"a": \n'
    assert rows.closed


def test_rows_of_other_files_can_be_read_as_often_as_they_are_sent(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,UA\n,x\n")

    with open_upload(str(tmp_path / "rows.csv")) as rows:
        assert list(rows) == list(rows) == [{"a": 1, "b": "UA"}, {"a": None, "b": "x"}]


def test_columns_of_other_files_can_be_left_out(tmp_path):
    (tmp_path / "rows.csv").write_text("a,id\n1,UA\n2,x\n")

    with open_upload(str(tmp_path / "rows.csv"), lambda: {"id", "at"}) as rows:
        assert list(rows) == list(rows) == [{"a": 1}, {"a": 2}]


def test_columns_that_the_stream_alone_may_need_are_those_that_are_configured():
    assert find_spare(Settings()) == frozenset()
    assert find_spare(Settings(id_field="id", event_time_field="at")) == {"id", "at"}


def test_standard_input_becomes_a_job_as_it_is(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}\n")))

    with open_upload("-") as rows:
        assert rows.read() == b"{}\n"


@pytest.mark.parametrize("name", ["none.jsonl", "none.csv", "rows.txt"])
def test_a_file_that_cannot_become_a_job_is_named(tmp_path, name):
    with pytest.raises(ConfigError, match=name), open_upload(str(tmp_path / name)):
        """Not reached."""
