"""Ranges of a topic scored again on a real broker, by the command as users type it."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from scoreline.config.environment import read_environment
from scoreline.demo.encoding import FlightEncoder
from scoreline.demo.flights import flight_schema
from scoreline.schemas.folder import write_schema
from scoreline.testing.consume import await_committed, partitions_of, produce_records, read_records
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord
from tests.integration.predictions import decode_prediction

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

PARTITIONS = 2
START_MS = 1_700_000_000_000
"""Timestamps of the input: one millisecond a record, well before the tests run."""


class Stage:
    """Topics of one's own, and a command over them."""

    def __init__(self, servers, folder, store, make_topic, stack):
        self.servers, self._folder, self._stack = servers, folder, stack
        kept = {"retention.ms": "-1"}  # the records are of 2023
        self.input = make_topic("features", partitions=PARTITIONS, config=kept)
        make_topic(f"{self.input}.redrive", partitions=PARTITIONS, exact=True)
        Topics(servers).share("drift-events")
        self.output, self.letters = (make_topic(label, partitions=PARTITIONS) for label in ("predictions", "letters"))
        self.replayed = make_topic(f"{self.input}.replayed", partitions=PARTITIONS, exact=True)
        self.replayed_letters = make_topic(f"{self.replayed}.dead-letters", partitions=PARTITIONS, exact=True)
        schemas = folder / "schemas"
        self.encoder = FlightEncoder(write_schema(schemas, "features-value", flight_schema()))
        self.group = f"group-{self.input}"
        self.variables = {
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "MODEL_STORE": str(store / "models"),
            "CACHE_DIR": str(store / "cache"),
            "SCHEMA_DIR": str(schemas),
            "INPUT_TOPIC": self.input,
            "OUTPUT_TOPIC": self.output,
            "DEAD_LETTER_TOPIC": self.letters,
            "GROUP_ID": self.group,
            "ID_FIELD": "id",
            "BATCH_MAX_RECORDS": "100",
        }

    def record(self, n, row, *, headers=None):
        value = self.encoder.encode({**row, "id": str(n)})
        return StoredRecord("", n % PARTITIONS, 0, b"%d" % n, value, headers, START_MS + n)

    def start(self, first, last, *options, version="1", output=None, **variables):
        """The command over records from the first up to the last, running."""
        kept = {k: v for k, v in read_environment().items() if not k.startswith("SCORELINE_")}
        ours = {f"SCORELINE_{k}": v for k, v in {**self.variables, **variables}.items()}
        moments = ["--from", str(START_MS + first), "--to", str(START_MS + last)]
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "scoreline", "replay", *moments, "--version", version),
                *("--output-topic", output or self.replayed, "--json", *options),
            ],
            cwd=self._folder,
            env={**kept, **ours},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._stack.callback(lambda: (process.kill(), process.communicate()))
        return process

    def run(self, first, last, *options, **more):
        """The command to its end: exit code, what it said on stdout as a dictionary, and on stderr."""
        return conclude(self.start(first, last, *options, **more))

    def predictions(self, topic=None, **more):
        """What lies on a topic, by where it was made from."""
        found = [decode_prediction(record) for record in read_records(self.servers, topic or self.replayed, **more)]
        for prediction in found:
            del prediction["scored_at"]
        return found

    def ids(self, **more):
        return Counter(int(prediction["id"]) for prediction in self.predictions(**more))

    def await_replayed(self, count, *, within_seconds=60.0):
        """Until the output topic has got that long; it may go on growing."""
        deadline = time.monotonic() + within_seconds
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "nobody"})
        try:
            while True:
                ends = [consumer.get_watermark_offsets(TopicPartition(self.replayed, p), 30.0)[1] for p in range(2)]
                if sum(ends) >= count:
                    return
                assert time.monotonic() < deadline, ends
                consumer.poll(0.02)  # waits; nothing is subscribed
        finally:
            consumer.close()

    def committed(self):
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": self.group})
        try:
            asked = [TopicPartition(self.input, p) for p in partitions_of(consumer, self.input)]
            return {p.partition: p.offset for p in consumer.committed(asked, 30.0)}
        finally:
            consumer.close()


def conclude(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, json.loads(out) if out else {}, err


@pytest.fixture
def stage(kafka, tmp_path, flights_store, make_topic):
    with ExitStack() as stack:
        yield Stage(kafka.bootstrap_servers, tmp_path, flights_store, make_topic, stack)


@pytest.fixture
def rows(streamed_flights):
    return streamed_flights.rows


def test_a_range_in_the_middle_comes_out_as_the_live_stream_had_it_and_that_goes_on_untouched(
    stage, rows, scoreline_service
):
    """Bit for bit and in order, a pin notwithstanding: the replay's version is that of every record."""
    pinned = [("scoreline-pin-version", b"7"), ("trace", b"t")]
    records = [stage.record(n, rows[n], headers=pinned if n == 500 else None) for n in range(1000)]
    produce_records(stage.servers, stage.input, records)
    service = scoreline_service(stage.variables, roles=["stream", "http"]).start().await_ready()
    await_committed(stage.servers, stage.group, stage.input)
    before = stage.committed()

    code, summary, err = stage.run(300, 700)

    assert code == 0, err
    live = [p for p in stage.predictions(stage.output) if 300 <= int(p["id"]) < 700]
    replayed = stage.predictions()
    assert [p for p in replayed if p["id"] != "500"] == live
    assert {int(p["id"]) for p in replayed} == set(range(300, 700))
    (record,) = [r for r in read_records(stage.servers, stage.replayed) if r.key() == b"500"]
    assert record.headers() == (("trace", b"t"),)
    assert (summary["state"], summary["offsets"], summary["predictions"]) == ("finished", 400, 400)
    assert stage.committed() == before
    assert service.terminate() == 0


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_killed_in_the_middle_it_goes_on_under_its_id(stage, rows, delivery):
    """At least once nothing is lost, exactly once nothing is doubled either; the finished id then does nothing."""
    produce_records(stage.servers, stage.input, [stage.record(n, rows[n]) for n in range(3000)])
    options = ("--id", "again")
    first = stage.start(0, 2500, *options, "--rate", "300", DELIVERY=delivery)
    stage.await_replayed(300)
    first.kill()
    first.communicate()

    code, summary, err = stage.run(0, 2500, *options, DELIVERY=delivery)

    assert code == 0, err
    assert summary["state"] == "finished"
    assert 0 < summary["predictions"] < 2500
    found = stage.ids()
    assert found.keys() == set(range(2500))
    if delivery == "exactly-once":
        assert set(found.values()) == {1}
    code, summary, err = stage.run(0, 2500, *options, DELIVERY=delivery)
    assert (code, summary["state"], summary["predictions"]) == (0, "already finished", 0)
    assert stage.ids() == found


def test_a_stop_finishes_the_batch_in_hand_and_a_start_goes_on_behind_it(stage, rows):
    """SIGTERM is no failure, Ctrl-C tells by its exit code; nothing is repeated after either."""
    produce_records(stage.servers, stage.input, [stage.record(n, rows[n]) for n in range(3000)])
    for number, expected in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        seen = sum(stage.ids().values())
        running = stage.start(0, 3000, "--id", "stopped", "--rate", "200")
        stage.await_replayed(seen + 100)
        running.send_signal(number)
        code, summary, err = conclude(running)
        assert code == expected, err
        assert summary["state"] == "stopped"
        assert summary["resume"].endswith("--id stopped")
    code, summary, err = stage.run(0, 3000, "--id", "stopped")
    assert code == 0, err
    assert stage.ids() == Counter(range(3000))


def test_what_cannot_be_scored_goes_to_dead_letters_of_its_own(stage, rows):
    """Those of the live stream get nothing, and `--create-topics` makes the two that are missing."""
    broken = StoredRecord("", 0, 0, b"key", b"\x00broken", (("trace", b"t"),), START_MS + 5)
    produce_records(stage.servers, stage.input, [stage.record(1, rows[1]), broken, stage.record(2, rows[2])])
    output = f"{stage.replayed}.made"

    code, summary, err = stage.run(0, 100, "--create-topics", output=output)

    assert code == 0, err
    (letter,) = read_records(stage.servers, f"{output}.dead-letters")
    assert (letter.key(), letter.value()) == (b"key", b"\x00broken")
    assert dict(letter.headers())["scoreline-source-topic"] == stage.input.encode()
    assert {p["id"] for p in stage.predictions(output)} == {"1", "2"}
    assert summary["dead_letters"] == {"unknown_schema": 1}
    assert read_records(stage.servers, stage.letters) == []


def test_a_range_that_reaches_beyond_the_log_ends_where_the_log_ended(stage, rows):
    """What comes later belongs to no replay that was begun before, also under its id."""
    produce_records(stage.servers, stage.input, [stage.record(n, rows[n]) for n in range(50)])
    in_the_future = int(time.time() * 1000) - START_MS + 3_600_000
    code, summary, err = stage.run(10, in_the_future, "--id", "beyond")
    assert code == 0, err
    assert any("future" in remark for remark in summary["remarks"])
    assert stage.ids() == Counter(range(10, 50))

    produce_records(stage.servers, stage.input, [stage.record(n, rows[n]) for n in range(50, 60)])
    code, summary, err = stage.run(10, in_the_future, "--id", "beyond")
    assert (code, summary["state"]) == (0, "already finished"), err
    code, summary, err = stage.run(20_000, 30_000)
    assert (code, summary["state"], summary["offsets"]) == (0, "finished", 0), err
    assert stage.ids() == Counter(range(10, 50))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {
            "DELIVERY": "exactly-once",
            "CONSUMER_GROUP_PROTOCOL": "consumer",
            "STATIC_MEMBERSHIP": "true",
            "MEMBER_ID": "one",
        },
    ],
    ids=["at-least-once", "exactly-once-and-static"],
)
def test_markers_and_aborted_records_end_no_range_and_are_no_end_to_wait_for(stage, rows, variables):
    """Markers have the time of their commit, long after these records: the brokers' index finds the first of them."""
    producer = Producer({"bootstrap.servers": stage.servers, "transactional.id": stage.input})
    producer.init_transactions(30)
    for begin, commits in ((0, True), (40, False), (80, True), (120, False)):
        producer.begin_transaction()
        for n in range(begin, begin + 40):
            record = stage.record(n, rows[n])
            producer.produce(
                stage.input, record.value(), record.key(), record.partition(), timestamp=record.timestamp_ms
            )
        producer.flush()
        producer.commit_transaction() if commits else producer.abort_transaction()

    code, summary, err = stage.run(20, 100, "--id", "middle", **variables)
    assert code == 0, err
    assert stage.ids() == Counter([*range(20, 40), *range(80, 100)])
    code, summary, err = stage.run(100, 10_000, "--id", "rest", **variables)
    assert code == 0, err
    assert summary["state"] == "finished"
    assert stage.ids() == Counter([*range(20, 40), *range(80, 120)])


def test_a_broker_that_is_killed_in_between_is_waited_for(disposable_kafka, tmp_path, flights_store, streamed_flights):
    """Nothing is lost, and it says what it waits for."""
    with ExitStack() as stack:
        make_topic = Topics(disposable_kafka.bootstrap_servers).make
        stage = Stage(disposable_kafka.bootstrap_servers, tmp_path, flights_store, make_topic, stack)
        records = [stage.record(n, row) for n, row in enumerate(streamed_flights.rows[:1000])]
        produce_records(stage.servers, stage.input, records)
        running = stage.start(0, 1000, "--rate", "100")
        stage.await_replayed(100)
        disposable_kafka.kill()
        disposable_kafka.start()
        code, summary, err = conclude(running)
        assert (code, summary["state"]) == (0, "finished"), err
        assert "waiting: " in err
        assert stage.ids().keys() == set(range(1000))


def test_records_that_retention_has_taken_meanwhile_end_it_and_are_told_to_whoever_begins_anew(stage, rows):
    """Exit 3 rather than a range with a hole that nobody knows of."""
    produce_records(stage.servers, stage.input, [stage.record(n, rows[n]) for n in range(400)])
    begun = stage.start(0, 400, "--id", "overtaken", "--rate", "20")
    stage.await_replayed(10)
    begun.send_signal(signal.SIGTERM)
    assert conclude(begun)[0] == 0
    admin = AdminClient({"bootstrap.servers": stage.servers})
    deletions = admin.delete_records([TopicPartition(stage.input, 0, 150)])
    assert [deletion.result(30).low_watermark for deletion in deletions.values()] == [150]

    code, _, err = stage.run(0, 400, "--id", "overtaken")

    assert code == 3
    assert f"{stage.input}[0]: offset " in err
    assert "records of the range are gone" in err
    code, summary, err = stage.run(0, 400, "--id", "anew")
    assert (code, summary["predictions"]) == (0, 250), err
    told = f"{stage.input}[0]: what was before offset 150 has been deleted; records of the range may have been among it"
    assert told in summary["remarks"]


def test_another_order_under_the_same_id_is_refused_with_the_one_that_it_had(stage, rows):
    """Exit 2: nothing of the two would belong together."""
    produce_records(stage.servers, stage.input, [stage.record(n, rows[n]) for n in range(10)])
    code, _, err = stage.run(0, 5, "--id", "one")
    assert code == 0, err

    code, _, err = stage.run(0, 10, "--id", "one")

    assert code == 2
    assert "begun with --from 2023-11-14T22:13:20.000Z --to 2023-11-14T22:13:20.005Z --version 1" in err
    assert stage.ids() == Counter(range(5))


def test_live_topics_and_missing_ones_are_refused(stage):
    """Exit 2 for what may never be written by a replay, 3 for what only has to be made."""
    for topic in (stage.input, stage.output, stage.letters):
        code, _, err = stage.run(0, 5, output=topic)
        assert code == 2
        assert f"would write to {topic}" in err
    code, _, err = stage.run(0, 5, output=f"{stage.replayed}.missing")
    assert code == 3
    assert "--create-topics" in err
    code, _, err = stage.run(0, 5, version="9")
    assert code == 3
    assert "9" in err


def test_of_two_under_one_id_the_older_ends_exactly_once(stage, rows):
    """The transactional id is the guard; the younger goes on from what the older had committed."""
    produce_records(stage.servers, stage.input, [stage.record(n, rows[n]) for n in range(2000)])
    older = stage.start(0, 2000, "--id", "twice", "--rate", "40", DELIVERY="exactly-once")
    stage.await_replayed(50)

    code, summary, err = stage.run(0, 2000, "--id", "twice", DELIVERY="exactly-once")

    assert code == 0, err
    assert summary["state"] == "finished"
    code, _, err = conclude(older)
    assert code == 1
    assert "another replay runs under this --id" in err
    assert stage.ids() == Counter(range(2000))
