"""Frames of pandas are read in test_publishing_trained.py, on a process of their own."""

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoreline.errors import ConfigError
from scoreline.features import Kind
from scoreline.models.tables import make_table

NAMES = ("x", "place")


def test_a_path_is_kept_as_it_is(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x,place,seen_at\r\n1.5,a,2026-01-01\r\n")
    table = make_table(str(path), NAMES, what="baseline")
    assert (table.content, table.row_format) == (path.read_bytes(), "csv")
    assert table.columns == ("x", "place", "seen_at")
    assert table.rows() == [{"x": "1.5", "place": "a", "seen_at": "2026-01-01"}]


def test_columns_of_a_file_are_found_without_its_rows(tmp_path):
    (tmp_path / "rows.jsonl").write_text('\n{"a": 1, "b": 2}\nnot read\n')
    assert make_table(tmp_path / "rows.jsonl", (), what="baseline").columns == ("a", "b")
    (tmp_path / "rows.csv").write_text("a,b\n")
    assert make_table(tmp_path / "rows.csv", (), what="baseline").columns == ("a", "b")


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows.csv", b""), ("rows.jsonl", b""), ("rows.jsonl", b"{}"), ("rows.csv", b"\xff"), ("rows.jsonl", b"{")],
)
def test_a_file_without_columns_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=r"has no columns|cannot be read"):
        make_table(tmp_path / name, (), what="baseline")


def test_an_array_has_the_models_features_as_columns():
    table = make_table(np.array([[1.5, np.nan], [2.0, np.inf]]), NAMES, what="golden")
    assert table.rows() == [{"x": 1.5, "place": None}, {"x": 2.0, "place": np.inf}]
    assert make_table(np.array([[1.5, "a"]], dtype=object), NAMES, what="golden").rows() == [{"x": 1.5, "place": "a"}]


@pytest.mark.parametrize("array", [np.zeros(2), np.zeros((2, 3)), np.zeros((1, 2, 2))])
def test_an_array_of_another_shape_is_refused(array):
    with pytest.raises(ConfigError, match=r"a column for each of the model's 2 features.*of shape"):
        make_table(array, NAMES, what="golden")
    with pytest.raises(ConfigError, match="should have names for its columns"):
        make_table(array, (), what="golden")


def test_mappings_may_lack_keys_and_hold_numpys_values():
    rows = [
        {"x": np.float32(0.5), "place": np.str_("é")},
        {"x": 2**62 + 1, "flag": np.bool_(1), "day": date(2026, 1, 2)},
    ]
    table = make_table(rows, NAMES, what="golden")
    assert table.rows() == [
        {"x": 0.5, "place": "é", "flag": None, "day": None},
        {"x": 2**62 + 1, "place": None, "flag": True, "day": "2026-01-02"},
    ]


@pytest.mark.parametrize("as_file", [True, False])
def test_categories_and_booleans_of_arrow_tell_levels_and_kinds(tmp_path, as_file):
    places = pa.DictionaryArray.from_arrays(pa.array([1, None, 1], pa.int8()), ["Zürich, HB", "東京", "never"])
    given = pa.table({"x": [1.5, None, 2.0], "place": places, "flag": [True, False, None]})
    if as_file:
        pq.write_table(given, tmp_path / "rows.parquet")
        table = make_table(tmp_path / "rows.parquet", NAMES, what="baseline")
    else:
        table = make_table(given, NAMES, what="baseline")
        assert table.types.kinds == {"flag": Kind.BOOLEAN}
    assert table.types.levels == {"place": ("Zürich, HB", "東京", "never")}
    assert table.rows()[:2] == [{"x": 1.5, "place": "東京", "flag": True}, {"x": None, "place": None, "flag": False}]


@pytest.mark.parametrize("given", [3, "rows", {"x": 1}, [1], [[1, 2]], b"x,y", object()])
def test_what_no_rows_can_be_read_from_is_refused(given):
    with pytest.raises(ConfigError, match=r"should be a path, a pandas DataFrame|neither CSV"):
        make_table(given, NAMES, what="golden")


@pytest.mark.parametrize("given", [[], np.zeros((0, 2)), [{}]])
def test_no_rows_at_all_are_refused(given):
    with pytest.raises(ConfigError, match="golden has no rows"):
        make_table(given, NAMES, what="golden")


def test_a_value_that_cannot_be_written_down_is_named():
    with pytest.raises(ConfigError, match=r"golden has a value that cannot be written down: \(1\+2j\) of type complex"):
        make_table([{"x": 1 + 2j}], NAMES, what="golden")


def test_what_is_kept_of_rows_in_memory_is_a_file_of_json_lines():
    content = make_table([{"x": 1, "y": 'a"\n'}, {"x": None, "y": "é"}], NAMES, what="baseline").content
    assert [json.loads(line) for line in content.split(b"\n")] == [{"x": 1, "y": 'a"\n'}, {"x": None, "y": "é"}]
