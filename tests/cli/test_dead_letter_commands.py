"""`scoreline dead-letters` against a real Kafka, on letters as the service writes them."""

import json
import re
import secrets
import signal
import subprocess
import sys

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from scoreline.cli import main
from scoreline.dead_letters import dead_letter_headers
from scoreline.kafka.commands.transactional_sender import open_transactional_sender
from scoreline.records import PIN_HEADER, DeadLetter, Reason
from scoreline.stream.redrive import RedrivenLetters
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.kafka

FAILED_AT_MS = 1_700_000_000_000
KEPT = {"retention.ms": "-1"}
"""Of topics whose records are older than the broker would keep them."""


class Deployment:
    """Topics of a deployment, and letters on them."""

    def __init__(self, servers, name, made):
        self.servers, self.name = servers, name
        self.letters, self.redrive, self.redriven = (made[i] for i in (1, 2, 3))

    def fail(self, *numbers, reason=Reason.INVALID_VALUE, attempts=1, source=None, **failed):
        """Put letters of records onto the topic, a millisecond apart; records lie on three partitions in turn."""
        headers = [*failed.pop("headers", []), ("scoreline-attempt", b"%d" % (attempts - 1))]
        letters = []
        for number in numbers:
            value = failed.get("value", b"v%d" % number)
            record = StoredRecord(source or self.name, number % 3, number, b"k%d" % number, value, headers, 5)
            written = dead_letter_headers(DeadLetter(record, reason, f"fault {number}"), failed_at_ms=FAILED_AT_MS)
            moment = FAILED_AT_MS + number
            letters.append(StoredRecord("", number % 3, 0, record.key(), record.value(), written, moment))
        produce_records(self.servers, self.letters, letters)

    def read_redriven(self, count=0):
        """What is on the redrive topic by key: partition, value and headers.

        Args:
            count: how many to wait for: for a moment after a commit readers do not see it yet.
        """
        found = read_records(self.servers, self.redrive, at_least=count)
        return {r.key().decode(): (r.partition(), r.value(), r.headers()) for r in found}

    def read_markers(self, count=0):
        found = read_records(self.servers, self.redriven, at_least=count)
        return sorted(r.key().decode().removeprefix(f"{self.letters}-") for r in found)


@pytest.fixture
def deployment(kafka, tmp_path, monkeypatch):
    name = f"rows-{secrets.token_hex(4)}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCORELINE_KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("SCORELINE_INPUT_TOPIC", name)
    topics = Topics(kafka.bootstrap_servers)
    names = [name, f"{name}.dead-letters", f"{name}.redrive", f"{name}.dead-letters.redriven"]
    made = [topics.make(label, partitions=3, exact=True, config=KEPT) for label in names]
    yield Deployment(kafka.bootstrap_servers, name, made)
    topics.delete_all()


@pytest.fixture
def run(capsys):
    def run_command(*arguments):
        """A command's exit code, and what it printed on stdout and stderr."""
        code = main(["dead-letters", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run_command


@pytest.fixture
def run_json(run):
    def run_command(*arguments):
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return run_command


def test_the_list_has_the_newest_first_and_counts_also_what_it_does_not_show(deployment, run_json):
    deployment.fail(1, 2, 3, 4, 5)
    deployment.fail(0, reason=Reason.TOMBSTONE, value=None)
    produce_records(deployment.servers, deployment.letters, [StoredRecord(value_=b"somebody else's")])

    listed = run_json("list", "--max", "2")
    assert [row["key"] for row in listed["letters"]] == ["k5", "k4"]
    assert listed["letters"][0] == {
        "partition": 2,
        "offset": 1,
        "written": "2023-11-14T22:13:20.005Z",
        "reason": "invalid_value",
        "attempt": 1,
        "state": "due",
        "source": f"{deployment.name}[2] 5",
        "key": "k5",
        "detail": "fault 5",
    }
    assert [(r["reason"], r["letters"]) for r in listed["reasons"]] == [("invalid_value", 5), ("tombstone", 1)]
    assert listed["unreadable"] == 1


CHOICES = [
    (["--reason", "tombstone"], {"k5"}),
    (["--reason", "tombstone", "--reason", "undecodable"], {"k4", "k5"}),
    (["--since", str(FAILED_AT_MS + 3)], {"k3", "k4", "k5"}),
    (["--until", "2023-11-14T22:13:20.002Z"], {"k0", "k1"}),
    (["--partition", "0", "--partition", "2"], {"k0", "k2", "k3", "k5"}),
    (["--partition", "0", "--since", str(FAILED_AT_MS + 1)], {"k3"}),
]


def test_reason_time_and_partition_choose(deployment, run_json):
    deployment.fail(0, 1, 2, 3)
    deployment.fail(4, reason=Reason.UNDECODABLE)
    deployment.fail(5, reason=Reason.TOMBSTONE)

    for options, expected in CHOICES:
        assert {row["key"] for row in run_json("list", *options)["letters"]} == expected
        assert sum(row["due"] for row in run_json("redrive", "--dry-run", *options)["reasons"]) == len(expected)
    assert run_json("redrive", *CHOICES[-1][0])["redriven"] == 1
    assert set(deployment.read_redriven(1)) == {"k3"}


def test_tables_are_for_people(deployment, run):
    deployment.fail(3)
    deployment.fail(4, reason=Reason.UNKNOWN_SCHEMA)

    code, out, _ = run("list")
    assert code == 0
    assert re.search(r"^partition +offset +written +reason +attempt +state +source +key +detail$", out, re.MULTILINE)
    assert re.search(r"^reason +letters +due +redriven +exhausted +foreign$", out, re.MULTILINE)
    assert re.search(r"^unknown_schema +1 +1 +0 +0 +0$", out, re.MULTILINE)


def test_nothing_at_all_is_said(deployment, run):
    code, out, _ = run("list")

    assert (code, out.strip()) == (0, f"no such dead letters are on {deployment.letters}")


def test_one_letter_in_full(deployment, run, run_json, tmp_path):
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}
    folder = tmp_path / "schemas" / f"{deployment.name}-value"
    folder.mkdir(parents=True)
    (folder / "7.avsc").write_text(json.dumps(schema))
    deployment.fail(0, value=b"\x00\x00\x00\x00\x07\x06", headers=[("trace", b"t")], attempts=3)
    deployment.fail(3, value=b"\xff\xfe")

    shown = run_json("show", "0", "0")
    assert shown["value"] == {"a": 3}
    assert shown["headers"] == [["trace", "t"]]
    assert (shown["reason"], shown["detail"], shown["attempt"]) == ("invalid_value", "fault 0", 3)
    source = (shown["source_topic"], shown["source_partition"], shown["source_offset"], shown["source_timestamp"])
    assert source == (deployment.name, 0, 0, "1970-01-01T00:00:00.005Z")
    assert shown["failed_at"] == "2023-11-14T22:13:20.000Z"
    undecodable = run_json("show", "0", "1")
    assert (undecodable["value"], undecodable["value_hex"]) == (None, "fffe")
    code, out, _ = run("show", "0", "0")
    assert code == 0
    assert re.search(r"^header trace +t$", out, re.MULTILINE)
    assert json.loads(out[out.index("{") :]) == {"a": 3}


def test_a_letter_that_is_not_there_is_told_with_what_there_is(deployment, run):
    deployment.fail(0)

    code, _, err = run("show", "0", "5")
    assert (code, err) == (3, f"error: {deployment.letters}[0] has no record at the offset 5: it has 0 to 0\n")
    code, _, err = run("show", "1", "0")
    assert (code, "it is empty" in err) == (3, True)
    code, _, err = run("show", "9", "0")
    assert (code, "has the partitions 0 to 2, and not 9" in err) == (2, True)


def test_a_redrive_puts_everything_on_the_redrive_topic_once(deployment, run, run_json):
    deployment.fail(*range(7), headers=[("trace", b"t"), (PIN_HEADER, b"2")], attempts=2)

    first = run_json("redrive")
    assert (first["redriven"], first["topic"], first["dry_run"]) == (7, deployment.redrive, False)
    assert deployment.read_redriven(7) == {
        f"k{n}": (
            n % 3,
            b"v%d" % n,
            (("trace", b"t"), (PIN_HEADER, b"2"), ("scoreline-attempt", b"2")),
        )
        for n in range(7)
    }
    assert deployment.read_markers(7) == ["0-0", "0-1", "0-2", "1-0", "1-1", "2-0", "2-1"]

    second = run_json("redrive")
    assert second["redriven"] == 0
    (told,) = second["reasons"]
    assert told == {"reason": "invalid_value", "letters": 7, "due": 0, "redriven": 7, "exhausted": 0, "foreign": 0}
    assert len(read_records(deployment.servers, deployment.redrive, at_least=7)) == 7
    assert {row["state"] for row in run_json("list")["letters"]} == {"redriven"}
    code, out, _ = run("redrive")
    assert code == 0
    assert re.search(rf"^0 letters redriven to {deployment.redrive} in ", out, re.MULTILINE)


def test_letters_that_were_tried_too_often_or_are_another_deployments_are_left_and_counted(deployment, run):
    deployment.fail(0, attempts=5)
    deployment.fail(1, attempts=4)
    deployment.fail(2, source="orders")
    deployment.fail(3, source=deployment.redrive, attempts=3)

    code, out, _ = run("redrive")
    assert code == 0
    assert "1 letter left: tried 5 times or more (--max-attempts)" in out
    assert "1 letter left: not from our input" in out
    assert set(deployment.read_redriven(2)) == {"k1", "k3"}
    assert run("redrive", "--max-attempts", "6")[0] == 0
    assert set(deployment.read_redriven(3)) == {"k0", "k1", "k3"}


def test_a_dry_run_writes_nothing(deployment, run, run_json):
    deployment.fail(0)
    deployment.fail(1, attempts=9)

    code, out, _ = run("redrive", "--dry-run")
    assert code == 0
    assert f"1 letter would be redriven to {deployment.redrive}" in out
    assert run_json("redrive", "--dry-run")["redriven"] == 0
    assert (deployment.read_redriven(), deployment.read_markers()) == ({}, [])
    assert run_json("redrive")["redriven"] == 1


def test_to_source_writes_to_the_input_topic_and_counts_as_redriven(deployment, run_json):
    deployment.fail(4)
    deployment.fail(5, source=deployment.redrive)

    assert run_json("redrive", "--to-source")["topic"] == deployment.name
    found = read_records(deployment.servers, deployment.name, at_least=2)
    assert [(r.partition(), r.key()) for r in found] == [(1, b"k4"), (2, b"k5")]
    assert run_json("redrive")["redriven"] == 0
    assert deployment.read_redriven() == {}


def test_a_marker_that_is_taken_back_has_the_letter_redriven_again(deployment, run_json):
    deployment.fail(0)
    run_json("redrive")
    withdrawn = StoredRecord(key_=f"{deployment.letters}-0-0".encode(), value_=None)
    produce_records(deployment.servers, deployment.redriven, [withdrawn])

    assert run_json("redrive")["redriven"] == 1
    assert len(read_records(deployment.servers, deployment.redrive, at_least=2)) == 2


def test_markers_go_when_their_letters_are_gone(deployment, run_json):
    deployment.fail(*range(6))
    assert run_json("redrive")["redriven"] == 6
    assert len(deployment.read_markers(6)) == 6
    admin = AdminClient({"bootstrap.servers": deployment.servers})
    (cut,) = admin.delete_records([TopicPartition(deployment.letters, 1, 1)]).values()
    cut.result(20)

    for _ in range(2):
        assert run_json("redrive")["redriven"] == 0
    markers = read_records(deployment.servers, deployment.redriven, at_least=7)
    assert sum(marker.value() is None for marker in markers) == 1
    left = RedrivenLetters()
    for marker in markers:
        left.note(marker)
    assert len(left) == 5


def test_a_rate_is_kept(deployment, run_json):
    deployment.fail(*range(9))

    # Four at once, four when they are paid for, and the last one a second after these.
    assert 2.0 <= run_json("redrive", "--rate", "4")["seconds"] < 12


def start_redrive(*options):
    """A redrive as a process of its own, and the first letter is written."""
    command = [sys.executable, "-m", "scoreline", "dead-letters", "redrive", "--rate", "2", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def await_redriven(deployment, count, process):
    """Wait until so many letters are on the redrive topic; tells what the process has said where they do not come."""
    found = read_records(deployment.servers, deployment.redrive, at_least=count)
    if len(found) < count:
        process.kill()
        raise AssertionError(f"{len(found)} of {count} are there: {process.communicate()}")


def test_a_redrive_that_is_killed_half_way_is_finished_by_the_next_without_doubles(deployment, run_json):
    deployment.fail(*range(30))
    for _ in range(2):
        before = len(deployment.read_redriven())
        with start_redrive() as process:
            await_redriven(deployment, before + 2, process)
            process.kill()
    half = len(deployment.read_redriven())

    # A commit that was under way at the kill may have been carried out after it.
    assert 0 < run_json("redrive")["redriven"] <= 30 - half
    redriven = read_records(deployment.servers, deployment.redrive, at_least=30)
    assert sorted(r.key().decode() for r in redriven) == sorted(f"k{n}" for n in range(30))
    assert len(deployment.read_markers(30)) == 30


def test_what_a_redrive_has_left_half_written_is_rolled_back_by_the_next(deployment, run_json):
    """As it is after kill -9 between a record and its commit."""
    deployment.fail(0, 1, 2)
    crashed = open_transactional_sender(
        {"bootstrap.servers": deployment.servers}, f"{deployment.letters}-redrive", give_up_seconds=20
    )
    crashed.take_over()
    crashed._producer.begin_transaction()
    for record in (
        StoredRecord(deployment.redrive, 0, key_=b"k0", value_=b"v0"),
        StoredRecord(deployment.redriven, 0, key_=f"{deployment.letters}-0-0".encode(), value_=b"{}"),
    ):
        crashed._produce(record)
    crashed._flush()

    assert {row["state"] for row in run_json("list")["letters"]} == {"due"}
    assert run_json("redrive")["redriven"] == 3
    assert sorted(deployment.read_redriven(3)) == ["k0", "k1", "k2"]
    assert len(read_records(deployment.servers, deployment.redrive, at_least=3)) == 3
    crashed.close()


def test_ctrl_c_ends_a_redrive_between_transactions_and_tells_how_far_it_is(deployment, run_json):
    deployment.fail(*range(30))
    with start_redrive() as process:
        await_redriven(deployment, 2, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    told = re.search(rf"ended early: (\d+) letters redriven to {deployment.redrive}; the rest is still due", err)
    assert "Traceback" not in err
    done = int(told[1])
    assert len(deployment.read_redriven(done)) == done
    assert run_json("redrive")["redriven"] == 30 - done


def test_of_two_redrives_at_once_the_later_one_goes_on_and_nothing_is_doubled(deployment, run_json):
    deployment.fail(*range(30))
    with start_redrive() as earlier:
        await_redriven(deployment, 2, earlier)
        later = run_json("redrive")
        _, err = earlier.communicate(timeout=30)

    assert earlier.returncode == 1
    assert "another process has begun with the transactional id" in err
    assert "Traceback" not in err
    redriven = read_records(deployment.servers, deployment.redrive, at_least=30)
    assert sorted(r.key().decode() for r in redriven) == sorted(f"k{n}" for n in range(30))
    assert later["redriven"] < 30


def test_a_letter_that_the_redrive_topic_refuses_ends_it_with_what_is_wrong(deployment, run, run_json, monkeypatch):
    topics = Topics(deployment.servers)
    small = topics.make("small", config={"max.message.bytes": "400"})
    monkeypatch.setenv("SCORELINE_REDRIVE_TOPIC", small)
    deployment.fail(0, value=secrets.token_bytes(4000))
    try:
        code, _, err = run("redrive")
    finally:
        topics.delete_all()

    assert code == 3
    assert "MSG_SIZE_TOO_LARGE" in err
    assert "ended early: 0 letters redriven" in err
    assert deployment.read_markers() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--reason", "bad_luck"], "there is no reason 'bad_luck'; expected one of incompatible_schema"),
        (["list", "--since", "yesterday"], "--since: expected ISO 8601"),
        (["redrive", "--partition", "7"], "has the partitions 0 to 2, and not 7"),
        (["redrive", "--max-attempts", "0"], "--max-attempts"),
    ],
)
def test_bad_arguments_end_with_2(deployment, run, arguments, told):
    code, _, err = run(*arguments)

    assert code == 2
    assert told in err


def test_a_missing_topic_ends_with_3_and_the_command_that_makes_it(deployment, run, monkeypatch):
    monkeypatch.setenv("SCORELINE_DEAD_LETTER_TOPIC", "no-such-letters")

    for command in ("list", "redrive"):
        code, _, err = run(command)
        assert code == 3
        assert "no-such-letters" in err
        assert "scoreline topics create" in err
