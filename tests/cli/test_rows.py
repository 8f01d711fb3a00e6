"""Rows of files, each with its line."""

import io
import json

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoreline.cli.rows import open_rows, read_json_lines
from scoreline.errors import ConfigError


def write(path, content):
    path.write_text(content)
    return path


def test_csv_cells_are_text_and_empty_ones_null(tmp_path):
    file = open_rows(write(tmp_path / "rows.csv", '\ufeffa,b\n1,\n"x\ny",2\n'))

    assert file.as_text
    assert list(file) == [(2, {"a": "1", "b": None}), (4, {"a": "x\ny", "b": "2"})]


def test_json_lines_keep_their_types_and_lines(tmp_path):
    file = open_rows(write(tmp_path / "rows.jsonl", '{"a": 1}\n\n{"a": null}\n'))

    assert not file.as_text
    assert list(file) == [(1, {"a": 1}), (3, {"a": None})]


@pytest.mark.slow
def test_parquet_keeps_its_types(tmp_path):
    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    pq.write_table(table, tmp_path / "rows.parquet")

    assert list(open_rows(tmp_path / "rows.parquet")) == [(1, {"a": 1, "b": "x"}), (2, {"a": None, "b": "y"})]


def test_a_container_brings_its_schema(tmp_path):
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}
    with (tmp_path / "rows.avro").open("wb") as out:
        fastavro.writer(out, schema, [{"a": 1}, {"a": 2}])

    file = open_rows(tmp_path / "rows.avro")

    assert file.schema["name"] == "R"
    assert list(file) == [(1, {"a": 1}), (2, {"a": 2})]


def test_a_file_may_be_read_again(tmp_path):
    file = open_rows(write(tmp_path / "rows.csv", "a\n1\n"))

    assert list(file) == list(file) != []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("rows.csv", "a,b\n1\n", "line 2: expected 2 cells"),
        ("rows.csv", "a,b\n1,2,3\n", "line 2: expected 2 cells"),
        ("rows.csv", 'a\n"1', "rows.csv: "),
        ("rows.jsonl", '{"a": 1}\n{"a"\n', "line 2: "),
        ("rows.jsonl", "[1]\n", "line 1: expected a JSON object, but it is list"),
        ("rows.parquet", "PAR1", "rows.parquet: "),
        ("rows.xlsx", "", "expected one of .csv, .jsonl, .ndjson, .parquet, .avro"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path, name, content, expected):
    path = write(tmp_path / name, content)

    with pytest.raises(ConfigError) as caught:
        list(open_rows(path))
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", [0, 3, 20, 60])
def test_a_container_that_breaks_off_is_told(tmp_path, size):
    whole = io.BytesIO()
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}
    fastavro.writer(whole, schema, [{"a": "x" * 100}])
    (tmp_path / "rows.avro").write_bytes(whole.getvalue()[:size])

    with pytest.raises(ConfigError, match=r"rows\.avro"):
        list(open_rows(tmp_path / "rows.avro"))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        open_rows(tmp_path / "absent.csv")


def test_standard_input_is_read_as_json_lines():
    rows = [{"a": 1}, {"b": [2]}]

    assert [row for _, row in read_json_lines(io.StringIO("\n".join(map(json.dumps, rows))))] == rows
