import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoreline.errors import ConfigError
from scoreline.models.row_files import parse_rows, read_row_file


def read_rows(path):
    return parse_rows(*read_row_file(path), what=str(path))


def test_csv_cells_are_text_and_empty_ones_null(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('place,x\n"Zürich, HB",1.5\nplain,\n', encoding="utf-8")
    assert read_rows(path) == [{"place": "Zürich, HB", "x": "1.5"}, {"place": "plain", "x": None}]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson"])
def test_json_lines_keep_their_types(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    path.write_text('{"x": 1.5, "flag": true}\n\n{"x": null}\n')
    assert read_rows(path) == [{"x": 1.5, "flag": True}, {"x": None}]


@pytest.mark.parametrize(
    "text",
    ["[1e400, -Infinity]", "9007199254740993", "123456789012345678901234567890", '"\\ud800"', "0.1", "1e5", "-0"],
)
def test_json_lines_are_what_json_makes_of_them(tmp_path, text):
    (tmp_path / "rows.jsonl").write_text(f'{{"x": {text}}}\n')
    (row,) = read_rows(tmp_path / "rows.jsonl")
    assert (row["x"], type(row["x"])) == (json.loads(text), type(json.loads(text)))


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": [1.5, None], "place": ["a", "b"]}), path)
    assert read_rows(path) == [{"x": 1.5, "place": "a"}, {"x": None, "place": "b"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.xlsx", b"", "neither CSV"),
        ("rows.csv", b"a,b\n", "has no rows"),
        ("rows.csv", b"\xff\xfe", "cannot be read"),
        ("rows.jsonl", b"[1]\n", "JSON object"),
        ("rows.jsonl", b"{\n", "cannot be read"),
        ("rows.parquet", b"PAR1", "cannot be read"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_rows(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")
