"""`scoreline offsets` against a real Kafka."""

import io
import json
import re
import secrets

import pytest
from confluent_kafka import Consumer

from scoreline.cli import main
from scoreline.testing.consume import produce_records
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.kafka


class Group:
    """A group with its topics: the input has records of the moments 1000, 2000 and 3000 on partition 0."""

    def __init__(self, servers, name):
        self.servers, self.name, self.redrive = servers, name, f"{name}.redrive"
        self.group_id = f"group-{name}"

    def make_consumer(self):
        return Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": self.group_id,
                "client.id": "pod-7",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )


@pytest.fixture
def group(kafka, tmp_path, monkeypatch):
    name = f"rows-{secrets.token_hex(4)}"
    made = Group(kafka.bootstrap_servers, name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCORELINE_KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("SCORELINE_INPUT_TOPIC", name)
    monkeypatch.setenv("SCORELINE_GROUP_ID", made.group_id)
    topics = Topics(kafka.bootstrap_servers)
    topics.make(made.name, partitions=2, exact=True, config={"retention.ms": "-1"})  # its records are old
    topics.make(made.redrive, exact=True)
    for moment in (1000, 2000, 3000):
        produce_records(made.servers, name, [StoredRecord(value_=b"x", timestamp_ms=moment)])
    yield made
    topics.delete_all()


@pytest.fixture
def run(capsys):
    def run_command(*arguments):
        """A command's exit code, and what it printed on stdout and stderr."""
        code = main(["offsets", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run_command


@pytest.fixture
def find_committed(run, group):
    def find():
        """Committed offsets by topic and partition, where there are some."""
        code, out, err = run("show", "--json")
        assert code == 0, err
        rows = json.loads(out)["partitions"]
        names = {group.name: "input", group.redrive: "redrive"}
        return {(names[r["topic"]], r["partition"]): r["committed"] for r in rows if r["committed"] is not None}

    return find


def test_a_group_that_never_was_is_shown_with_all_that_there_is_as_its_lag(group, run):
    code, out, _ = run("show", "--json")
    shown = json.loads(out)

    assert code == 0
    assert (shown["group"], shown["state"], shown["members"]) == (group.group_id, "dead", [])
    none = {"committed": None, "low": 0, "state": "none"}
    assert shown["partitions"] == [
        {"topic": group.name, "partition": 0, **none, "end": 3, "lag": 3},
        {"topic": group.name, "partition": 1, **none, "end": 0, "lag": 0},
        {"topic": group.redrive, "partition": 0, **none, "end": 0, "lag": 0},
    ]


@pytest.mark.parametrize(
    ("to", "offset"),
    [("earliest", 0), ("latest", 3), ("1970-01-01T00:00:01.500Z", 1), ("1970-01-01T00:00:03Z", 2), ("2100-01-01", 3)],
)
def test_offsets_go_where_they_are_sent_on_both_topics(group, run, find_committed, to, offset):
    code, out, _ = run("reset", "--to", to, "--yes")

    assert code == 0
    assert f"the group {group.group_id} goes on from there" in out
    assert find_committed() == {("input", 0): offset, ("input", 1): 0, ("redrive", 0): 0}


def test_topic_and_partition_choose(group, run, find_committed):
    assert run("reset", "--to", "latest", "--topic", group.name, "--partition", "0", "--yes")[0] == 0
    assert find_committed() == {("input", 0): 3}
    assert run("reset", "--to", "latest", "--topic", group.redrive, "--yes")[0] == 0
    assert find_committed() == {("input", 0): 3, ("redrive", 0): 0}


def test_without_yes_it_only_says_what_it_would_do(group, run, find_committed):
    code, out, err = run("reset", "--to", "earliest")

    assert (code, err) == (2, "error: nothing was moved; --yes has it done without a question\n")
    assert re.search(r"^topic +partition +committed +low +end +lag +state +goes_to$", out, re.MULTILINE)
    assert find_committed() == {}


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "code", "committed"), [("y\n", 0, 3), ("n\n", 2, None)])
def test_on_a_terminal_it_asks(group, run, find_committed, monkeypatch, answer, code, committed):
    monkeypatch.setattr("sys.stdin", Terminal(answer))

    ended, out, _ = run("reset", "--to", "latest")
    assert (ended, find_committed().get(("input", 0))) == (code, committed)
    assert f"Move the offsets of the group {group.group_id}? [y/N]" in out


def test_it_is_refused_while_a_member_is_there_and_accepted_after(group, run, find_committed):
    consumer = group.make_consumer()
    try:
        consumer.subscribe([group.name])
        while not consumer.assignment():
            consumer.poll(0.1)
        code, _, err = run("reset", "--to", "earliest", "--yes")
        assert code == 3
        assert f"the group {group.group_id} has 1 member (pod-7 at 127.0.0.1)" in err
        assert "stop every `scoreline run`" in err
        code, out, _ = run("show")
        assert code == 0
        assert f"group {group.group_id}: stable, 1 member" in out
        assert f"{group.name}[0], {group.name}[1]" in out
    finally:
        consumer.close()

    assert run("reset", "--to", "1970-01-01T00:00:02Z", "--yes")[0] == 0
    assert find_committed()["input", 0] == 1


def test_an_offset_that_does_not_exist_any_more_is_told(group, run, monkeypatch):
    from confluent_kafka import TopicPartition

    consumer = group.make_consumer()
    consumer.commit(offsets=[TopicPartition(group.name, 0, 17)], asynchronous=False)
    consumer.close()

    code, out, _ = run("show")
    assert code == 0
    assert re.search(rf"^{group.name} +0 +17 +0 +3 +0 +gone$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--to", "sometime"], "--to: expected ISO 8601"),
        (["--to", "latest", "--topic", "orders"], "--topic: orders is not one that the group reads"),
        (["--to", "latest", "--partition", "7"], "has 0 to 1, and not 7"),
        ([], "--to"),
    ],
)
def test_bad_arguments_end_with_2(group, run, options, told):
    code, _, err = run("reset", *options, "--yes")

    assert code == 2
    assert told in err


def test_the_name_of_the_group_may_need_the_models_and_says_so(group, run, monkeypatch, tmp_path):
    monkeypatch.delenv("SCORELINE_GROUP_ID")
    monkeypatch.setenv("SCORELINE_MODEL_STORE", str(tmp_path / "models"))

    code, _, err = run("show")
    assert code == 3
    assert "models publish" in err
    monkeypatch.setenv("SCORELINE_MODEL", "flights")
    assert json.loads(run("show", "--json")[1])["group"] == "scoreline-flights"
