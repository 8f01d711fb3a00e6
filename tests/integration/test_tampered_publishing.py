"""What cannot serve is refused when it is published: an exit code, the way out, and nothing written that is seen."""

import json
import pickle
import sys
from pathlib import Path

import lightgbm
import pytest

from scoreline.cli import main
from scoreline.cli.exits import LACKING, MISUSED
from scoreline.models import publishing, scoring_child, verification
from scoreline.models.store import ModelStore
from tests.models.builders import LEVELS, train
from tests.models.faults import NEVER_ENDING, OUT_OF_MEMORY
from tests.models.tampering import (
    NAME,
    SHAPE,
    inflate,
    kill_the_parser,
    lead_out_of_the_tree,
    make_store,
    rewrite,
    truncate,
)

pytestmark = pytest.mark.slow

CHILD_SECONDS = 0.5
SAVE_AS_TEXT = "save_model("


def replace_lists(content: bytes):
    """The text with other level lists."""
    return lambda text: text[: text.rindex(b"pandas_categorical:")] + b"pandas_categorical:" + content + b"\n"


def bring(content: bytes):
    """Something that has nothing to do with the text."""
    return lambda text: content


FILES = {
    "truncated.txt": (truncate, LACKING, "the file is truncated"),
    "without-its-end.txt": (lambda text: text[:-200], LACKING, "truncated"),
    "broken-tree.txt": (lead_out_of_the_tree, LACKING, "its nodes do not form a tree"),
    "killer.txt": (kill_the_parser, LACKING, "SIGABRT: the file is damaged"),
    "empty.txt": (bring(b""), LACKING, SAVE_AS_TEXT),
    "model.pkl": (bring(pickle.dumps({"model": 1})), LACKING, SAVE_AS_TEXT),
    "old.pkl": (bring(pickle.dumps({"model": 1}, protocol=0)), LACKING, SAVE_AS_TEXT),
    "model.zip": (bring(b"PK\x03\x04"), LACKING, SAVE_AS_TEXT),
    "model.joblib.gz": (bring(b"\x1f\x8b\x08"), LACKING, SAVE_AS_TEXT),
    "dump.json": (bring(b'{"name": "tree"}'), LACKING, SAVE_AS_TEXT),
    "lists-of-one-column.txt": (replace_lists(b'[["a", "b", "c", "d"]]'), MISUSED, "--features"),
    "a-list-too-short.txt": (replace_lists(b'[["a"], [3, 5, 9]]'), MISUSED, "--features"),
    "a-list-that-repeats.txt": (replace_lists(b'[["a", "a", "c", "d"], [3, 5, 9]]'), MISUSED, "repeats a level"),
    "lists-that-are-none.txt": (replace_lists(b'[["a"'), LACKING, "pandas_categorical is no JSON"),
}

ROW = {"place": LEVELS[0], "x": 0.5, "size": 5, "flag": 1}
FEATURES_FILES = {
    "a feature renamed": ([{"name": "town"}], "no feature 'town'"),
    "a level list shortened": ([{"name": "place", "levels": LEVELS[:1]}], "own pandas_categorical 4"),
    "a level list shortened at its end": ([{"name": "place", "levels": LEVELS[:3]}], "own pandas_categorical 4"),
    "a level list in another order": ([{"name": "place", "levels": LEVELS[::-1]}], "own pandas_categorical 3"),
    "no list": ({"name": "place"}, "the features file cannot be used"),
}
GOLDEN_FILES = {
    "wrong scores": (json.dumps({**ROW, "prediction": 77.0}), LACKING, "golden rows give other scores"),
    "two scores a row": (json.dumps({**ROW, "prediction": [1.0, 2.0]}), MISUSED, "should hold 1 scores a row"),
    "a column that is missing": (json.dumps({"place": LEVELS[0]}), MISUSED, "no column for x, size, flag"),
    "a level that is unknown": (json.dumps({**ROW, "place": "Atlantis"}), MISUSED, "no level 'Atlantis'"),
    "a null where none may be": (json.dumps({**ROW, "x": None}), MISUSED, "golden row 0"),
    "no JSON": ("{", MISUSED, "golden.jsonl"),
}


@pytest.fixture
def text():
    """Of a good model."""
    return train(SHAPE).text


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store that has version 1 under the alias."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCORELINE_MODEL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SCORELINE_CACHE_DIR", str(tmp_path / "cache"))
    store = ModelStore(str(tmp_path / "store"))
    make_store(store)
    return store


@pytest.fixture
def refuse(store, capsys):
    """`refuse(FILE, OPTION, …)`: the exit code of publishing that, and what it says; the store is as it was before."""

    def publish(*arguments):
        before = list_store(store)
        code = main(["models", "publish", NAME, *arguments, "--alias", "production"])
        assert list_store(store) == before
        said = capsys.readouterr()
        assert not said.out
        return code, said.err

    return publish


def list_store(store):
    """Every file with its content."""
    return {path: path.read_bytes() for path in Path(store.url).rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_usable_model_is_refused(name, refuse, text):
    change, code, says = FILES[name]
    Path(name).write_bytes(change(text))
    found, said = refuse(name)
    assert (found, says in said) == (code, True), said


def test_a_folder_is_no_model(refuse):
    Path("model.txt").mkdir()
    code, said = refuse("model.txt")
    assert (code, "model.txt is a folder, but not of an MLflow model" in said) == (MISUSED, True), said


@pytest.mark.parametrize("name", FEATURES_FILES)
def test_features_that_contradict_the_model_are_refused(name, refuse, text):
    content, says = FEATURES_FILES[name]
    Path("model.txt").write_bytes(text)
    Path("features.json").write_text(json.dumps(content))
    code, said = refuse("model.txt", "--features", "features.json")
    assert (code, says in said) == (MISUSED, True), said


@pytest.mark.parametrize("name", GOLDEN_FILES)
def test_golden_rows_that_do_not_fit_are_refused(name, refuse, text):
    content, code, says = GOLDEN_FILES[name]
    Path("model.txt").write_bytes(text)
    Path("golden.jsonl").write_text(content + "\n")
    found, said = refuse("model.txt", "--golden", "golden.jsonl")
    assert (found, says in said) == (code, True), said


def test_a_changed_byte_shows_in_golden_rows_that_bring_their_scores(refuse, text):
    """Of a text that nobody has a checksum of, nothing else can tell."""
    at = text.index(b"leaf_value=") + len(b"leaf_value=")
    digit = next(i for i in range(at, at + 20) if text[i : i + 1] in b"12345678")
    Path("model.txt").write_bytes(text[:digit] + bytes([text[digit] + 1]) + text[digit + 1 :])
    rows = [{**ROW, "place": place, "x": x / 4} for place in LEVELS for x in range(-8, 9)]

    matrix = [[LEVELS.index(row["place"]), row["x"], 1, 1] for row in rows]
    scores = lightgbm.Booster(model_str=text.decode()).predict(matrix, num_threads=1)
    lines = [json.dumps({**row, "prediction": score}) for row, score in zip(rows, scores.tolist(), strict=True)]
    Path("golden.jsonl").write_text("\n".join(lines))
    code, said = refuse("model.txt", "--golden", "golden.jsonl")
    assert (code, "golden rows give other scores" in said) == (LACKING, True), said


def test_a_model_that_takes_too_much_memory_is_refused(refuse, text, monkeypatch):
    monkeypatch.setattr(scoring_child, "_COMMAND", (sys.executable, "-P", "-c", OUT_OF_MEMORY))
    Path("model.txt").write_bytes(inflate(text))
    code, said = refuse("model.txt")
    assert (code, "Memory" in said or "alloc" in said) == (LACKING, True), said


def test_a_model_that_scores_forever_is_refused(refuse, text, monkeypatch):
    def probe_briefly(*given, time_limit_seconds, **_):
        return verification.probe_model(*given, time_limit_seconds=CHILD_SECONDS)

    monkeypatch.setattr(scoring_child, "_COMMAND", (sys.executable, "-P", "-c", NEVER_ENDING))
    monkeypatch.setattr(publishing, "probe_model", probe_briefly)
    Path("model.txt").write_bytes(text)
    code, said = refuse("model.txt")
    assert (code, "did not load and score it within" in said) == (LACKING, True), said


def test_a_store_that_holds_something_else_under_the_same_sha256_is_not_built_upon(refuse, text, store):
    blob = store.manifest(NAME, 1).blobs["model"]
    rewrite(Path(store.url, NAME, "blobs", blob.sha256), truncate(text))
    Path("model.txt").write_bytes(text)
    code, said = refuse("model.txt")
    assert (code, "bytes, but should have" in said) == (LACKING, True), said
