import json
from pathlib import Path

import pytest
from fastavro import parse_schema

from scoreline.cli import main
from scoreline.cli.model_store import WHEN_SERVED
from scoreline.models import loading, publishing
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from tests.models.builders import CLASSES, LEVELS, InProcess, score_in_process, train


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch) -> ModelStore:
    """A store and a cache of the test's own, and models scored in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCORELINE_MODEL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SCORELINE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(publishing, "probe_model", score_in_process)
    monkeypatch.setattr(publishing, "ScoringChild", InProcess)
    monkeypatch.setattr(loading, "probe_model", score_in_process)
    return ModelStore(str(tmp_path / "store"))


def write_model(shape: str = "binary") -> str:
    path = Path(f"{shape}.txt")
    path.write_bytes(train(shape).text)
    return str(path)


def run(*arguments: str) -> int:
    return main(["models", *arguments])


def test_publish_prints_the_number_alone_and_moves_no_alias_unasked(capsys, store):
    assert run("publish", "flights", write_model()) == 0
    assert capsys.readouterr().out == "1\n"
    assert run("publish", "flights", write_model(), "--alias", "production", "--tag", "run=42", "--tag", "a=b=c") == 0
    assert capsys.readouterr().out == "2\n"
    assert store.aliases("flights") == {"production": Route.to(2)}
    assert store.manifest("flights", 2).tags == {"run": "42", "a": "b=c"}


def test_publish_takes_features_classes_golden_rows_and_a_baseline(store, capsys):
    Path("features.json").write_text(json.dumps([{"name": "x", "field": "readings.x"}]))
    Path("golden.csv").write_text("x,y,category,constant\n0.5,,3,0\n")
    Path("baseline.csv").write_text("x,y,category,constant\n1,2,3,0\n1,2,1.5,0\n")
    options = ["--features", "features.json", "--golden", "golden.csv", "--baseline", "baseline.csv"]
    assert run("publish", "iris", write_model("multiclass"), "--classes", ", ".join(CLASSES), *options) == 0
    manifest = store.manifest("iris", 1)
    assert manifest.classes == CLASSES
    assert manifest.features[0].field == "readings.x"
    assert set(manifest.blobs) == {"model", "golden", "baseline_rows", "baseline"}
    assert "1 rows of the baseline cannot be scored and were left out; the first is row 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["publish", "Flights", "binary.txt"], 2, "cannot name a model"),
        (["publish", "flights", "none.txt"], 2, "none.txt cannot be read: No such file"),
        (["publish", "flights", "binary.txt", "--tag", "x"], 2, "--tag 'x' should be k=v"),
        (["publish", "flights", "binary.txt", "--metric", "auc"], 2, "--metric 'auc' should be k=v"),
        (["publish", "flights", "binary.txt", "--metric", "auc=good"], 2, "--metric should be k=number"),
        (["publish", "flights", "binary.txt", "--metric", "auc=nan"], 2, "metric auc=nan should be a name with a fini"),
        (["publish", "flights", "binary.txt", "--time-column", "t"], 2, "there is no baseline"),
        (["publish", "flights", "."], 2, "not of an MLflow model: it has no file MLmodel"),
        (["publish", "flights", "binary.txt", "--classes", "a,b"], 2, "for multi-class"),
        (["publish", "flights", "binary.txt", "--golden", "binary.txt"], 2, "neither CSV"),
        (["publish", "flights", "use_missing_false.txt"], 2, "trained with use_missing=false"),
        (["publish", "flights", "pickle.txt"], 3, "a pickle"),
        (["publish", "flights"], 2, "Missing argument 'FILE'"),
        (["show", "flights"], 3, "scoreline models publish flights FILE"),
        (["verify", "flights"], 3, "scoreline models publish flights FILE"),
        (["alias", "flights", "production", "1"], 3, "scoreline models publish flights FILE"),
        (["alias", "flights", "Production", "1"], 3, "scoreline models publish flights FILE"),
    ],
)
def test_what_goes_wrong_has_an_exit_code_and_a_line(capsys, arguments, code, message):
    write_model()
    write_model("use_missing_false")
    Path("pickle.txt").write_bytes(b"\x80\x04\x95...")
    assert run(*arguments) == code
    assert message in capsys.readouterr().err


def test_list_shows_every_version_and_what_is_damaged(capsys):
    run("publish", "flights", write_model(), "--alias", "production")
    run("publish", "flights", write_model("regression"))
    Path("store/flights/versions/2.json").write_text("{")
    capsys.readouterr()
    assert run("list", "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["model"], first["version"], first["aliases"], first["features"]) == ("flights", 1, "production", 4)
    assert "manifest of flights 2 is damaged" in second["problem"]
    assert run("list") == 0
    assert "production  probability" in capsys.readouterr().out


def test_show_names_what_a_producer_has_to_send(capsys):
    run("publish", "homes", write_model("pandas"), "--alias", "production", "--tag", "run=42")
    capsys.readouterr()
    for selector in ([], ["1"], ["production"], ["latest"]):
        assert run("show", "homes", *selector) == 0
        shown = capsys.readouterr().out
        assert LEVELS[0] in shown
        assert "run=42" in shown
        assert "place" in shown
    assert run("show", "homes", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["aliases"] == ["production"]
    assert content["features"][0]["levels"] == list(LEVELS)


def test_show_avro_prints_the_schema_that_producers_can_use_and_nothing_else(capsys):
    run("publish", "homes-2", write_model("pandas"))
    capsys.readouterr()
    assert run("show", "homes-2", "--avro") == 0
    schema = parse_schema(json.loads(capsys.readouterr().out))
    assert schema["name"] == "homes_2"
    assert [field["name"] for field in schema["fields"]] == ["place", "x", "size", "flag"]
    assert schema["fields"][0]["type"] == ["null", "string"]


def test_publish_notes_metrics_and_the_time_column_of_the_baseline(store, capsys):
    Path("baseline.csv").write_text("x,y,category,constant,seen_at\n1,2,3,0,2026-01-01\n")
    options = ["--baseline", "baseline.csv", "--time-column", "seen_at", "--metric", "auc=0.91", "--metric", "rows=2e5"]
    assert run("publish", "flights", write_model(), *options) == 0
    manifest = store.manifest("flights", 1)
    assert manifest.metrics == {"auc": 0.91, "rows": 200_000.0}
    assert manifest.training["baseline_time_column"] == "seen_at"
    assert manifest.training["baseline_format"] == "csv"
    capsys.readouterr()
    assert run("show", "flights") == 0
    assert "baseline   1 rows in 1 blocks in the order of 'seen_at'" in capsys.readouterr().out


@pytest.mark.slow
def test_verify_tells_which_versions_may_serve(capsys, store):
    run("publish", "flights", write_model())
    run("publish", "flights", write_model("regression"))
    capsys.readouterr()
    assert run("verify", "flights") == 0
    assert capsys.readouterr().out.count("may serve") == 2
    Path("store/flights/blobs", store.manifest("flights", 2).blobs["golden"].sha256).write_bytes(b"{}")
    assert run("verify", "flights", "1") == 0
    assert run("verify", "flights", "--json") == 3
    output = capsys.readouterr()
    assert [row["ok"] for row in json.loads(output.out.splitlines()[-1])] == [True, False]
    assert "version 2 may not serve" in output.err


def test_alias_takes_any_selector(capsys, store):
    for _ in range(3):
        run("publish", "flights", write_model())
    assert run("alias", "flights", "production", "2") == 0
    assert run("alias", "flights", "canary", "latest") == 0
    assert run("alias", "flights", "previous", "production") == 0
    assert store.aliases("flights") == {"production": Route.to(2), "canary": Route.to(3), "previous": Route.to(2)}
    assert run("alias", "flights", "latest", "2") == 2


def test_check_tells_of_a_cache_folder_that_cannot_be_used(capsys, tmp_path, monkeypatch):
    """The version may serve, but each start will fetch and probe it anew."""
    run("publish", "flights", write_model(), "--alias", "production")
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SCORELINE_CACHE_DIR", str(tmp_path / "file"))
    capsys.readouterr()

    assert main(["check", "--role", "http", "--json"]) == 0
    findings = {f["item"]: f["detail"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert "features; it cannot be kept on this machine: the cache folder cannot be used" in findings["model version"]


def test_check_names_a_damaged_version_and_the_cure(capsys, tmp_path):
    run("publish", "flights", write_model(), "--alias", "production")
    (blob,) = (path for path in (tmp_path / "store").rglob("*") if path.is_file() and b"\ntree" in path.read_bytes())
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes() + b"x")
    capsys.readouterr()

    assert main(["check", "--role", "http", "--json"]) == 3
    findings = {f["item"]: f["detail"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["model version"].startswith("flights 1 may not serve: blob ")
    assert "scoreline models alias flights production VERSION" in findings["model version"]


def test_moving_an_alias_says_when_running_services_serve_it(capsys):
    """They look at it now and then."""
    run("publish", "flights", write_model(), "--alias", "production")
    assert f"production means it from now on: {WHEN_SERVED}" in capsys.readouterr().err
    run("alias", "flights", "production", "1")
    assert f"production of flights means version 1: {WHEN_SERVED}" in capsys.readouterr().out
    assert "MODEL_RELOAD_SECONDS" in WHEN_SERVED


def test_rollback_goes_back_and_history_shows_every_change(capsys, store):
    for _ in range(2):
        run("publish", "flights", write_model(), "--alias", "production")
    run("alias", "flights", "canary", "2")
    capsys.readouterr()
    assert run("rollback", "flights") == 0
    assert "production of flights means version 1 again, as set at " in capsys.readouterr().out
    assert run("history", "flights", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["alias"], r["entry"], r["version"], r["goes back to"]) for r in rows] == [
        ("canary", 1, 2, None),
        ("production", 1, 1, None),
        ("production", 2, 2, None),
        ("production", 3, 1, 1),
    ]
    assert all("@" in row["by"] for row in rows)
    assert run("history", "flights", "canary", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 1
    assert run("history", "flights", "unknown") == 3
    assert "scoreline models alias flights unknown 2" in capsys.readouterr().err


def test_delete_takes_a_version_that_no_alias_means(capsys, store):
    for _ in range(2):
        run("publish", "flights", write_model(), "--alias", "production")
    capsys.readouterr()
    assert run("delete", "flights", "2") == 2
    assert "is what production means" in capsys.readouterr().err
    assert run("delete", "flights", "1") == 0
    assert "services that have it loaded answer pins with it until they let go" in capsys.readouterr().out
    assert store.versions("flights") == (2,)
    assert run("delete", "flights", "1") == 3
    assert run("rollback", "flights") == 3
    assert "meant version 1 before, but version 1 was deleted" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["publish", "list", "show", "verify", "alias", "history", "rollback", "delete"])
def test_every_command_has_help_with_an_example(capsys, command):
    assert run(command, "--help") == 0
    assert f"scoreline models {command}" in capsys.readouterr().out


def test_a_route_shares_answers_out_and_history_tells_of_it(capsys, store):
    for _ in range(3):
        run("publish", "flights", write_model())
    assert run("route", "flights", "production", "1=90", "latest=10", "--shadow", "2") == 0
    assert store.aliases("flights") == {"production": Route.of({1: 90, 3: 10}, (2,))}
    described = "versions 1 (0.9 of all), 3 (0.1 of all), shadowed by 2"
    assert f"production of flights means {described}: {WHEN_SERVED}" in capsys.readouterr().out
    run("alias", "flights", "production", "3")
    capsys.readouterr()
    assert run("history", "flights", "production", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["route"]) for row in rows] == [(None, described), (3, None)]
    assert run("rollback", "flights") == 0
    assert f"means {described} again" in capsys.readouterr().out
    assert run("show", "flights", "production") == 0
    assert f"production of flights means {described}" in capsys.readouterr().out
    assert run("show", "flights", "production", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["weights"], [each["version"] for each in shown["shown"]]) == ({"1": 90, "3": 10}, [1, 3, 2])
    assert run("show", "flights", "production", "--avro") == 0
    assert [field["name"] for field in json.loads(capsys.readouterr().out)["fields"]] == [
        "x",
        "y",
        "category",
        "constant",
    ]
    assert run("verify", "flights", "production") == 0


def test_everything_wrong_with_a_route_is_told_at_once(capsys, store):
    for _ in range(2):
        run("publish", "flights", write_model())
    capsys.readouterr()
    assert run("route", "flights", "production", "1", "2=x", "2=1", "2=3") == 2
    err = capsys.readouterr().err
    assert all(said in err for said in ("'1' should be VERSION=WEIGHT", "'2=x' should be", "version 2 has two weights"))
    assert run("route", "flights", "Production", "1=0", "2=x", "9=1", "--shadow", "2", "--shadow", "8") == 2
    problems = capsys.readouterr().err.splitlines()
    assert problems[0] == "error: 6 problems"
    said = ("'Production' cannot be", "'2=x' should be", "of version 1 is 0", "version 2 answers already", "9", "8")
    assert [words in problem for words, problem in zip(said, problems[1:], strict=True)] == [True] * 6
    assert run("route", "flights", "production", "7=1", "1=1", "--shadow", "9") == 3
    err = capsys.readouterr().err
    assert "version 7" in err
    assert "version 9" in err
    assert run("route", "flights", "production", "1=0") == 2
    assert "from 1 to 1,000,000" in capsys.readouterr().err
    assert run("route", "flights", "production", "7=1") == 3
    assert run("route", "flights", "production", "1=1", "--shadow", "1") == 2
    assert "its own shadow" in capsys.readouterr().err
    assert store.aliases("flights") == {}


def test_a_damaged_alias_hides_nothing_else_and_is_cured_by_the_command_that_is_told(capsys, store):
    for _ in range(2):
        run("publish", "flights", write_model(), "--alias", "production")
    run("alias", "flights", "canary", "1")
    Path(store.url, "flights", "aliases", "canary", "2.json").write_bytes(b"{")
    capsys.readouterr()
    assert run("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["version"] for row in rows] == [1, 2]
    assert all("scoreline models alias flights canary VERSION" in row["problem"] for row in rows)
    assert run("alias", "flights", "canary", "1") == 0
    capsys.readouterr()
    run("list", "--json")
    assert {row["problem"] for row in json.loads(capsys.readouterr().out)} == {None}


def test_a_rollback_reads_only_as_far_back_as_it_has_to(capsys, store):
    for _ in range(3):
        run("publish", "flights", write_model(), "--alias", "production")
    Path(store.url, "flights", "aliases", "production", "1.json").write_bytes(b"{")
    assert run("rollback", "flights") == 0
    assert store.alias("flights", "production").only == 2
    capsys.readouterr()
    assert run("rollback", "flights") == 3
    assert "entry 1 of alias 'production' of flights cannot be used" in capsys.readouterr().err


def test_versions_that_take_a_feature_differently_have_no_schema_in_common(capsys, store):
    for kind in ("numeric", "integer"):
        Path("features.json").write_text(json.dumps([{"name": "x", "kind": kind}]))
        run("publish", "flights", write_model(), "--features", "features.json")
    run("route", "flights", "production", "1=1", "2=1")
    capsys.readouterr()
    assert run("show", "flights", "production", "--avro") == 2
    assert "take the feature 'x' differently" in capsys.readouterr().err
