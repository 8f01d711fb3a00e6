"""`scoreline jobs`: what is sent, shown, and how it ends."""

import json

import pytest

from scoreline.cli import main
from scoreline.cli.jobs import _follow
from tests.client.jobs import tell_job, tell_rows
from tests.client.scripted import answering, cutting, refusing, scripted, streaming

JOB = "j-1"
ENDED = {"finished_at": "2026-03-01T10:00:09.000Z", "rows_done": 3}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n{"a": null}\n')
    return path


def test_rows_of_a_file_become_a_job_that_is_shown(file, capsys):
    with scripted(answering(202, tell_job())) as server:
        assert main(["jobs", "submit", str(file), "--url", server.url, "--version", "canary", "--key", "k",
                     "--idempotency-key", "mine", "--ignore-unknown", "--token", "t"]) == 0  # fmt: skip

    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/batch?version=canary&ignore_unknown=true")
    assert asked.body == file.read_bytes()
    assert asked.headers["authorization"] == "Bearer t"
    assert (asked.headers["x-request-key"], asked.headers["idempotency-key"]) == ("k", "mine")
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["job", "status", "version", "rows", "done", "failed", "submitted", "detail"]
    assert line.split() == [JOB, "queued", "3", "3", "0", "0", "2026-03-01T10:00:00.125Z", "-"]


def test_rows_of_a_table_are_sent_as_lines(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,UA\n")
    with scripted(answering(202, tell_job())) as server:
        assert main(["jobs", "submit", str(tmp_path / "rows.csv"), "--url", server.url]) == 0

    assert server.asked[0].body == b'{"a":1,"b":"UA"}\n'


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORELINE_ID_FIELD", "id")
    monkeypatch.setenv("SCORELINE_EVENT_TIME_FIELD", "at")
    path = tmp_path / "rows.csv"
    path.write_text("id,at,a\nr1,7,1\n")
    return str(path)


def tell_features(*names):
    return answering(200, {"name": "m", "version": 3, "features": [{"name": name} for name in names]})


def test_columns_that_are_only_for_the_stream_are_left_out_of_a_table(table):
    live = answering(200, {"model": "m", "live": {"alias": "production", "version": 3}})
    with scripted(live, tell_features("a", "at"), answering(202, tell_job())) as server:
        assert main(["jobs", "submit", table, "--url", server.url]) == 0

    assert [asked.path for asked in server.asked] == ["/models", "/models/3", "/batch"]
    assert server.asked[-1].body == b'{"at":7,"a":1}\n'


def test_the_features_are_those_of_the_version_that_is_asked_for(table):
    with scripted(tell_features("id", "at", "a"), answering(202, tell_job())) as server:
        assert main(["jobs", "submit", table, "--url", server.url, "--version", "7"]) == 0

    assert [asked.path for asked in server.asked] == ["/models/7", "/batch?version=7"]
    assert server.asked[-1].body == b'{"id":"r1","at":7,"a":1}\n'


def test_nobody_asks_for_features_where_it_does_not_matter(table, file):
    """Lines go as they are, and with --ignore-unknown the sidecar skips what it does not know."""
    with scripted(*[answering(202, tell_job())] * 2) as server:
        assert main(["jobs", "submit", str(file), "--url", server.url]) == 0
        assert main(["jobs", "submit", table, "--url", server.url, "--ignore-unknown"]) == 0

    assert [asked.path for asked in server.asked] == ["/batch", "/batch?ignore_unknown=true"]


def test_features_that_cannot_be_had_end_with_3_and_nothing_is_sent(table, capsys):
    with scripted(refusing(404, "unknown-version")) as server:
        assert main(["jobs", "submit", table, "--url", server.url, "--version", "9"]) == 3

    assert [asked.path for asked in server.asked] == ["/models/9"]
    assert "because of unknown-version" in capsys.readouterr().err


def test_a_script_gets_the_job_as_the_sidecar_tells_it(file, capsys):
    told = tell_job("succeeded", **ENDED, rows_failed=1, predictions=[0.5, 1.0, None],
                    errors=[{"instance": 2, "feature": "a", "detail": "is null"}])  # fmt: skip
    with scripted(answering(202, tell_job()), answering(200, told)) as server:
        assert main(["jobs", "submit", str(file), "--url", server.url, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == tell_job()
        assert main(["jobs", "status", JOB, "--url", server.url, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == told


def test_waiting_comes_back_when_the_job_has_succeeded(file, capsys):
    steps = answering(202, tell_job()), answering(200, tell_job("succeeded", **ENDED))
    with scripted(*steps) as server:
        assert main(["jobs", "submit", str(file), "--url", server.url, "--wait", "--json"]) == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"] == "succeeded"
    assert printed.err == f"submitted as {JOB}\n"


@pytest.mark.slow
def test_waiting_bears_with_a_sidecar_that_is_started_anew(file):
    """More failures than a command takes of a sidecar that was never there."""
    steps = answering(202, tell_job()), *[cutting] * 5, answering(200, tell_job("succeeded", **ENDED))
    with scripted(*steps) as server:
        assert main(["jobs", "submit", str(file), "--url", server.url, "--wait"]) == 0


@pytest.mark.parametrize(
    ("status", "told"), [("failed", "has failed: a chunk is lost"), ("cancelled", "was cancelled")]
)
def test_waiting_for_a_job_that_ends_otherwise_ends_with_3(status, told, capsys):
    detail = "a chunk is lost" if status == "failed" else None
    with scripted(*[answering(200, tell_job(status, detail=detail))] * 3) as server:
        assert main(["jobs", "status", JOB, "--url", server.url, "--wait"]) == 3
        printed = capsys.readouterr()
        assert printed.err == f"error: job {JOB} {told}\n"
        assert status in printed.out
        assert main(["jobs", "status", JOB, "--url", server.url]) == 0


def test_waiting_no_longer_than_was_said_ends_with_3(capsys):
    with scripted(*[answering(200, tell_job("running"))] * 9) as server:
        assert main(["jobs", "status", JOB, "--url", server.url, "--wait", "--timeout", "0.01"]) == 3

    assert "still running" in capsys.readouterr().err


def test_results_are_a_line_a_row(capsys):
    wrong = b'{"instance": 2, "errors": [{"feature": "a", "detail": "is null"}]}\n'
    ended = answering(200, tell_job("succeeded", **ENDED))
    with scripted(ended, streaming(tell_rows(0, 2), wrong), ended, streaming(tell_rows(0, 2), wrong)) as server:
        assert main(["jobs", "results", JOB, "--url", server.url]) == 0
        lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
        assert main(["jobs", "results", JOB, "--url", server.url, "--json"]) == 0

    assert lines == [
        ["instance", "prediction", "label"],
        ["0", "0.0", "-"],
        ["1", "0.5", "-"],
        ["2", "-", "a: is null"],
    ]
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == [
        {"instance": 0, "prediction": 0.0},
        {"instance": 1, "prediction": 0.5},
        {"instance": 2, "errors": [{"feature": "a", "detail": "is null"}]},
    ]


def test_a_part_of_the_results_can_be_asked_for(capsys):
    with scripted(answering(200, tell_job("succeeded", rows=9)), streaming(tell_rows(4, 9))) as server:
        assert main(["jobs", "results", JOB, "--url", server.url, "--offset", "4", "--limit", "2", "--json"]) == 0

    assert server.asked[1].path == f"/batch/{JOB}/results?offset=4"
    assert [json.loads(line)["instance"] for line in capsys.readouterr().out.splitlines()] == [4, 5]


def test_labels_and_scores_of_classes_are_shown(capsys):
    line = b'{"instance":0,"prediction":1.0,"label":"late","scores":[0.2,0.8]}\n'
    ended = answering(200, tell_job("succeeded", rows=1))
    with scripted(ended, streaming(line), ended, streaming(line)) as server:
        assert main(["jobs", "results", JOB, "--url", server.url]) == 0
        assert capsys.readouterr().out.splitlines()[1].split() == ["0", "1.0", "late"]
        assert main(["jobs", "results", JOB, "--url", server.url, "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == json.loads(line)


def test_results_that_are_not_there_yet_end_with_3_and_nothing_is_printed(capsys):
    with scripted(answering(200, tell_job("running")), refusing(409, "job-not-finished")) as server:
        assert main(["jobs", "results", JOB, "--url", server.url]) == 3

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "job-not-finished" in printed.err


def test_jobs_are_cancelled_and_listed(capsys):
    listed = answering(200, {"jobs": [tell_job(), tell_job("failed", job_id="j-0")]})
    with scripted(answering(200, tell_job("cancelled")), listed, listed) as server:
        assert main(["jobs", "cancel", JOB, "--url", server.url]) == 0
        assert "cancelled" in capsys.readouterr().out
        assert main(["jobs", "list", "--url", server.url, "--limit", "2"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["job", "j-1", "j-0"]
        assert main(["jobs", "list", "--url", server.url, "--json"]) == 0
        assert [job["job_id"] for job in json.loads(capsys.readouterr().out)] == ["j-1", "j-0"]

    asked = [(each.method, each.path) for each in server.asked]
    assert asked == [("DELETE", f"/batch/{JOB}"), ("GET", "/batch?limit=2"), ("GET", "/batch")]


@pytest.mark.parametrize(("status", "slug"), [(404, "unknown-job"), (410, "job-expired"), (503, "no-kafka")])
def test_a_job_that_cannot_be_had_ends_with_3(status, slug, capsys):
    with scripted(refusing(status, slug)) as server:
        assert main(["jobs", "status", JOB, "--url", server.url]) == 3

    assert f"because of {slug}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["submit", "none.jsonl"], ["submit"], ["results", JOB, "--offset", "-1"], ["results", JOB, "--limit", "0"]],
)
def test_what_cannot_be_meant_ends_with_2_and_is_not_sent(arguments, capsys):
    with scripted() as server:
        assert main(["jobs", *arguments, "--url", server.url]) == 2

    assert server.asked == []
    assert capsys.readouterr().err


def test_progress_is_what_was_done_since_it_was_last_told():
    advances = []
    show = _follow(advances.append)
    for rows_done in (0, 2, 2, 3):
        show(type("Seen", (), {"rows_done": rows_done}))

    assert advances == [0, 2, 0, 1]
