"""Commands against a real Kafka, as a user types them."""

import json
import secrets
import signal
import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from scoreline.cli import main
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.kafka

MADE = ("out", "dead-letters", "redrive", "dead-letters.redriven", "drift-events")
"""Topics of a deployment besides the input, by what their names end with."""


MADE_FOR_JOBS = ("jobs", "jobs.bulk", "jobs.dead-letters", "job-results", "job-events")


@pytest.fixture
def workspace(kafka, tmp_path, monkeypatch):
    """An empty folder, and a configuration with topics of this test's own; returns the input topic's name."""
    topic = f"rows-{secrets.token_hex(4)}"
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "INPUT_TOPIC": topic,
        "OUTPUT_TOPIC": f"{topic}.out",
        "JOBS_TOPIC": f"{topic}.jobs",
        "JOB_RESULTS_TOPIC": f"{topic}.job-results",
        "JOB_EVENTS_TOPIC": f"{topic}.job-events",
        "DRIFT_EVENTS_TOPIC": f"{topic}.drift-events",
        "CACHE_DIR": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(f"SCORELINE_{name}", value)
    yield topic
    topics = Topics(kafka.bootstrap_servers)
    topics._made = [topic, *(f"{topic}.{kind}" for kind in (*MADE, *MADE_FOR_JOBS))]
    topics.delete_all()


def run(capsys, *arguments):
    """A command's exit code, and what it printed on stdout and stderr."""
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def publish_model(tmp_path, capsys):
    rng = np.random.default_rng(7)
    data = lightgbm.Dataset(rng.normal(size=(300, 2)), rng.normal(size=300), feature_name=["a", "b"])
    booster = lightgbm.train({"objective": "regression", "verbose": -1, "num_threads": 1}, data, 5)
    booster.save_model(tmp_path / "model.txt")
    assert run(capsys, "models", "publish", "m", str(tmp_path / "model.txt"), "--alias", "production")[0] == 0


def test_topics_are_created_once_and_fit_each_other(workspace, capsys, tmp_path):
    code, out, _ = run(capsys, "topics", "create", "--partitions", "3", "--json")

    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    made = (workspace, *(f"{workspace}.{kind}" for kind in (*MADE, *MADE_FOR_JOBS)))
    assert {name: rows[name]["partitions"] for name in made} == {
        **dict.fromkeys(made, 3),
        f"{workspace}.drift-events": 1,
    }
    assert {row["state"] for row in rows.values()} == {"created"}
    assert not any(row["note"] for row in rows.values())
    assert (tmp_path / "schemas" / f"{workspace}.out-value" / "2000000000.avsc").is_file()

    _, out, _ = run(capsys, "topics", "create", "--json")
    assert {row["state"] for row in json.loads(out)} == {"there"}


def test_rows_of_a_file_come_out_of_tail_as_they_went_in(workspace, capsys, tmp_path):
    (tmp_path / "rows.csv").write_text("carrier,delay\nUA,1.5\nAA,\n")
    run(capsys, "topics", "create", "--partitions", "1")

    code, out, _ = run(capsys, "produce", "rows.csv", "--key", "carrier")
    assert (code, out.split(" after ")[0]) == (0, f"2 records are on {workspace}")

    code, out, _ = run(capsys, "tail", workspace, "--from-beginning", "--max", "2")
    shown = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(r["key"], r["value"], r["offset"]) for r in shown] == [
        ("UA", {"carrier": "UA", "delay": 1.5}, 0),
        ("AA", {"carrier": "AA", "delay": None}, 1),
    ]


def test_a_bad_row_keeps_the_whole_file_back(workspace, kafka, capsys, tmp_path):
    run(capsys, "topics", "create", "--partitions", "1")
    (tmp_path / "good.csv").write_text("a\n1\n")
    (tmp_path / "bad.csv").write_text("a\n2\nx\n")
    assert run(capsys, "produce", "good.csv")[0] == 0

    code, _, err = run(capsys, "produce", "bad.csv")

    assert code == 2
    assert "bad.csv, line 3: a: expected null or long, but it is 'x'" in err
    assert len(read_records(kafka.bootstrap_servers, workspace, at_least=1)) == 1


def test_a_file_that_is_not_sent_leaves_no_schema_behind(workspace, capsys, tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n")

    assert run(capsys, "produce", "rows.csv", "--key", "b")[0] == 2
    assert run(capsys, "produce", "rows.csv")[0] == 3
    assert not (tmp_path / "schemas").exists()


def test_records_that_the_broker_refuses_are_counted_and_end_with_3(workspace, kafka, capsys, tmp_path):
    topics = Topics(kafka.bootstrap_servers)
    topic = topics.make("small", config={"max.message.bytes": "200"})
    (tmp_path / "rows.csv").write_text(f"a\nx\n{secrets.token_hex(5000)}\n")
    try:
        code, _, err = run(capsys, "produce", "rows.csv", "--topic", topic)
    finally:
        topics.delete_all()

    assert code == 3
    assert "of 2 records were not delivered" in err
    assert "MSG_SIZE_TOO_LARGE" in err


def test_a_rate_is_kept(workspace, capsys, tmp_path):
    run(capsys, "topics", "create", "--partitions", "1")
    (tmp_path / "rows.csv").write_text("a\n" + "1\n" * 21)

    code, out, _ = run(capsys, "produce", "rows.csv", "--rate", "40", "--json")

    assert code == 0
    assert 0.5 <= json.loads(out)["seconds"] < 5


def test_tail_shows_what_it_cannot_decode(workspace, kafka, capsys):
    run(capsys, "topics", "create", "--partitions", "1")
    produce_records(kafka.bootstrap_servers, workspace, [StoredRecord(value_=b"garbage", headers_=[("h", b"v")])])

    code, out, _ = run(capsys, "tail", workspace, "--from-beginning", "--max", "1")
    (shown,) = map(json.loads, out.splitlines())

    assert code == 0
    assert shown["headers"] == [["h", "v"]]
    assert shown["value"] is None
    assert shown["value_base64"] == "Z2FyYmFnZQ=="


def test_tail_goes_on_until_ctrl_c(workspace, kafka, capsys, tmp_path):
    run(capsys, "topics", "create", "--partitions", "1")
    produce_records(kafka.bootstrap_servers, workspace, [StoredRecord(value_=b"1")])
    command = [sys.executable, "-m", "scoreline", "tail", workspace, "--from-beginning"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert json.loads(process.stdout.readline())["offset"] == 0
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Traceback" not in err


def test_ctrl_c_ends_produce_with_the_number_of_rows_that_were_acknowledged(workspace, kafka, capsys, tmp_path):
    run(capsys, "topics", "create", "--partitions", "1")
    (tmp_path / "rows.csv").write_text("a\n" + "1\n" * 1000)
    command = [sys.executable, "-m", "scoreline", "produce", "rows.csv", "--rate", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "checking the rows of rows.csv\n"
        assert process.stderr.readline() == f"sending 1000 rows to {workspace}\n"
        assert len(read_records(kafka.bootstrap_servers, workspace, at_least=1)) == 1
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (130, f"interrupted: 1 of 1000 rows are known to be on {workspace}\n")


def test_a_column_without_a_field_keeps_the_whole_file_back_unless_it_is_told_to_go(workspace, capsys, tmp_path):
    run(capsys, "topics", "create", "--partitions", "1")
    (tmp_path / "good.csv").write_text("speed\n1\n")
    (tmp_path / "mistyped.csv").write_text("speeed\n2\n")
    assert run(capsys, "produce", "good.csv")[0] == 0

    code, _, err = run(capsys, "produce", "mistyped.csv")
    assert code == 2
    assert "did you mean speed?" in err
    code, _, err = run(capsys, "produce", "mistyped.csv", "--ignore-unknown")
    assert code == 0
    assert "left out, because the schema has no field for it: speeed" in err


@pytest.mark.parametrize("command", [["tail", "no-such-topic"], ["produce", "rows.csv", "--topic", "no-such-topic"]])
def test_a_missing_topic_ends_with_3(workspace, capsys, tmp_path, command):
    (tmp_path / "rows.csv").write_text("a\n1\n")

    code, _, err = run(capsys, *command)

    assert code == 3
    assert "no-such-topic" in err
    assert "scoreline topics create" in err


def test_check_tells_everything_that_is_missing_at_once(workspace, capsys):
    code, out, _ = run(capsys, "check", "--json")
    report = json.loads(out)
    states = {finding["item"]: finding["state"] for finding in report["findings"]}

    assert code == report["exit_code"] == 3
    assert states == {
        "client properties": "ok",
        "broker": "ok",
        "input topic": "failed",
        "output topic": "failed",
        "dead-letter topic": "failed",
        "redrive topic": "failed",
        "topics": "warning",
        "consumer group": "skipped",
        "model": "failed",
        "model version": "skipped",
        "schemas": "ok",
        "input schema": "failed",
        "features": "skipped",
        "drift-events topic": "failed",
        "topic of jobs": "failed",
        "topic of bulk jobs": "failed",
        "topic of job results": "failed",
        "topic of job events": "failed",
        "topic of jobs' dead letters": "failed",
        "job schemas": "ok",
    }


def test_check_is_content_when_everything_fits_and_names_the_feature_that_does_not(workspace, capsys, tmp_path):
    run(capsys, "topics", "create", "--partitions", "2")
    publish_model(tmp_path, capsys)
    (tmp_path / "rows.csv").write_text("a,b\n1.5,2.5\n")
    assert run(capsys, "produce", "rows.csv")[0] == 0

    code, out, _ = run(capsys, "check")
    assert code == 0, out
    assert "the input schema has a field for each of 2" in out
    assert f"{workspace}: partitions: 2" in out

    lacking = {"type": "record", "name": "Less", "fields": [{"name": "a", "type": "double"}]}
    (tmp_path / "schemas" / f"{workspace}-value" / "77.avsc").write_text(json.dumps(lacking))
    code, out, _ = run(capsys, "check")
    assert code == 3
    assert "feature 'b' needs the field 'b'" in out


def test_check_calls_a_value_that_the_client_refuses_a_bad_configuration(workspace, capsys, monkeypatch):
    monkeypatch.setenv("SCORELINE_CONSUMER_FETCH_MIN_BYTES", "many")

    code, out, _ = run(capsys, "check")

    assert code == 2
    assert "SCORELINE_CONSUMER_FETCH_MIN_BYTES" in out
