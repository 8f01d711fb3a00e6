import errno
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from scoreline.errors import ConfigError, ModelRejected, Unavailable
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.baseline import measuring
from scoreline.models.baseline.measuring import measure_baseline
from scoreline.models.tables import make_table

FEATURES = FeatureSet(
    (
        Feature("x", nullable=False),
        Feature("place", Kind.CATEGORICAL, levels=("a", "b")),
        Feature("extra", optional=True),
    )
)


def score(matrix):
    """Twice the first feature; infinite for 13."""
    return np.where(matrix[:, 0] == 13, np.inf, 2 * matrix[:, 0])


def measure(rows, time=None, features=FEATURES, classes=None, score=score):
    return measure_baseline(make_table(rows, features.names, what="baseline"), time, features, classes, score)


def test_rows_that_cannot_be_scored_are_left_out_and_counted():
    rows = [{"x": value, "place": "a"} for value in (1.0, None, "ten", float("inf"), 13.0, 2.0)]
    measured = measure(rows)
    assert (measured.baseline.total.rows, measured.left_out) == (2, 4)
    assert measured.because == "row 1: feature 'x' is null, but may not be"
    assert measured.baseline.total.sums[[0, -1]].tolist() == [3.0, 6.0]
    assert measured.facts == {
        "baseline_rows": 2,
        "baseline_blocks": 0,
        "baseline_left_out": 4,
        "baseline_left_out_because": measured.because,
    }


def test_a_level_that_is_not_in_the_list_is_counted_as_unseen():
    measured = measure([{"x": 1, "place": place} for place in ("a", "b", "c", None, "b")])
    bins = measured.baseline.total.bins[measured.baseline.grid.slice_of(1)]
    assert bins.tolist() == [1, 2, 1, 1]
    assert measured.facts == {"baseline_rows": 5, "baseline_blocks": 0}


def test_rows_are_put_in_the_order_of_their_time_without_those_that_were_left_out(monkeypatch):
    """Over several slices, each of which is scored by itself."""
    monkeypatch.setattr(measuring, "_SLICE_ROWS", 4)
    sizes = []
    rows = [{"x": float(i), "place": "a", "at": f"2026-01-{30 - i:02}"} for i in range(20)]

    def note(matrix):
        sizes.append(len(matrix))
        return score(matrix)

    measured = measure(rows, "at", score=note)
    assert sizes == [4] * 5
    assert measured.left_out == 1
    assert measured.baseline.blocks is not None
    expected = [float(i) for i in range(19, -1, -1) if i != 13]
    assert [block.sums[0] for block in measured.baseline.blocks] == expected


def test_each_class_is_counted():
    measured = measure(
        [{"x": 1, "place": "a"}, {"x": 2, "place": "b"}],
        classes=("no", "yes"),
        score=lambda matrix: np.column_stack([matrix[:, 0], -matrix[:, 0]]),
    )
    assert measured.baseline.total.sums[-2:].tolist() == [3.0, -3.0]


@pytest.mark.slow
def test_parquet_and_json_lines_give_the_same_counts(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"x": i / 7, "place": "ab"[i % 2] if i % 5 else None, "extra": None} for i in range(50)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    one, other = (measure(tmp_path / name).baseline.total for name in ("rows.jsonl", "rows.parquet"))
    assert one.bins.tolist() == other.bins.tolist()
    assert one.sums.tobytes() == other.sums.tobytes()


@pytest.mark.parametrize(
    ("rows", "time", "message"),
    [
        ([{"x": 1}], None, "baseline has no column for place"),
        ([{"x": None, "place": "a"}] * 3, None, "none of the 3 rows of baseline can be scored; row 0: feature 'x' is"),
        ([{"x": 1, "place": "a", "at": 1}, {"x": 1, "place": "a", "at": "noon"}], "at", "1 of 2 rows have none"),
    ],
)
def test_what_cannot_be_counted_is_refused(rows, time, message):
    with pytest.raises(ConfigError, match=message):
        measure(rows, time)


def test_a_file_without_rows_is_refused(tmp_path):
    Path(tmp_path / "rows.csv").write_text("x,place\n")
    with pytest.raises(ConfigError, match=r"rows.csv has no rows"):
        measure(tmp_path / "rows.csv")


def test_a_full_disk_is_told_as_such(monkeypatch):
    class Full(tempfile.SpooledTemporaryFile):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(measuring.tempfile, "TemporaryFile", Full)
    with pytest.raises(Unavailable, match=r"find no room in a temporary file: .*No space left"):
        measure([{"x": 1, "place": "a"}])


def test_a_model_that_may_not_be_published_ends_the_reading():
    def refuse(matrix):
        raise ModelRejected("it crashed")

    with pytest.raises(ModelRejected, match="it crashed"):
        measure([{"x": 1, "place": "a"}] * 3, score=refuse)
