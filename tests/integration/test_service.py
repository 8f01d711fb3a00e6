"""The service as users run it: start, stop, refuse, recover."""

import json
import re
import time
import urllib.request

import pytest

from scoreline.dead_letters import REASON_HEADER
from scoreline.records import PIN_HEADER, find_header
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.commands import run_command
from tests.integration.label_calls import await_quality, encode_label
from tests.integration.predictions import decode_prediction
from tests.integration.raw_producer import produce_raw_header

pytestmark = pytest.mark.kafka


def make_records(deployment, rows, start=0, **fields):
    """Rows as records over four partitions, their ids running numbers."""
    return [
        StoredRecord("", n % 4, 0, b"%d" % n, deployment.encoder.encode({**row, "id": str(n)}), **fields)
        for n, row in enumerate(rows, start)
    ]


def test_a_stop_finishes_what_was_polled_and_the_next_start_goes_on_without_loss_or_repetition(
    deploy, streamed_flights
):
    """SIGTERM under load: exit 0, and the commit covers exactly what was published."""
    rows = streamed_flights.rows[:6000]
    deployment = deploy(BATCH_MAX_RECORDS="200")
    produce_records(deployment.bootstrap_servers, deployment.input_topic, make_records(deployment, rows))
    deployment.service.start().await_ready()
    assert deployment.service.terminate() == 0
    before = read_records(deployment.bootstrap_servers, deployment.output_topic)
    deployment.service.start().await_ready()
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=len(rows))
    assert sorted(int(decode_prediction(r)["id"]) for r in outputs) == list(range(len(rows)))
    assert len(before) <= len(outputs)
    assert deployment.service.terminate() == 0
    assert [e["event"] for e in deployment.service.logs("service_stopped")] == ["service_stopped"] * 2


def test_a_broker_that_is_killed_and_comes_back_costs_nothing_but_time(
    disposable_kafka, scoreline_service, deploy, streamed_flights
):
    """The service goes unready, then on by itself; no record is lost, and labels that come afterwards are joined."""
    from scoreline.testing.topics import Topics

    topics = Topics(disposable_kafka.bootstrap_servers)
    made = [topics.make(label, partitions=4, exact=True) for label in ("features", "predictions", "dead-letters")]
    deployment = deploy(
        bootstrap_servers=disposable_kafka.bootstrap_servers,
        like=_Named(*made),
        GROUP_ID="survivors",
        LABELS_TOPIC=topics.make("labels", partitions=2, exact=True),
    )
    rows = streamed_flights.rows[:4000]
    deployment.service.start().await_ready()
    produce_records(deployment.bootstrap_servers, made[0], make_records(deployment, rows[:2000]))
    disposable_kafka.kill()
    await_ready_status(deployment.service, 503)
    assert deployment.service.ask("/health/live") == 200
    disposable_kafka.start()
    produce_records(deployment.bootstrap_servers, made[0], make_records(deployment, rows[2000:], 2000))
    outputs = read_records(deployment.bootstrap_servers, made[1], at_least=len(rows), within_seconds=60)
    assert {int(decode_prediction(r)["id"]) for r in outputs} == set(range(len(rows)))
    labels = [StoredRecord("", n % 2, 0, None, encode_label(str(n), 1.0)) for n in range(len(rows))]
    produce_records(deployment.bootstrap_servers, "labels", labels)
    await_quality(deployment.service, lambda told: told["joined"] == len(rows))
    assert deployment.service.start().await_ready().terminate() == 0


def await_ready_status(service, status, within_seconds=20.0):
    """Wait until readiness answers with that status."""
    deadline = time.monotonic() + within_seconds
    while service.ask("/health/ready") != status:
        assert time.monotonic() < deadline, service.last_words()
        time.sleep(0.05)


class _Named:
    """Names of topics that are there already."""

    def __init__(self, input_topic, output_topic, dead_letter_topic):
        self.input_topic, self.output_topic, self.dead_letter_topic = input_topic, output_topic, dead_letter_topic


def test_records_choose_their_version_by_a_header(deploy, streamed_flights):
    """A pinned record is scored, one pinned to a version that is not there is a dead letter."""
    deployment = deploy()
    rows = streamed_flights.rows[:40]
    pinned = make_records(deployment, rows[:20], headers_=[(PIN_HEADER, b"1")])
    lost = make_records(deployment, rows[20:], 20, headers_=[(PIN_HEADER, b"7")])
    produce_records(deployment.bootstrap_servers, deployment.input_topic, [*pinned, *lost])
    deployment.service.start()
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=20)
    letters = read_records(deployment.bootstrap_servers, deployment.dead_letter_topic, at_least=20)
    assert {decode_prediction(r)["id"] for r in outputs} == {str(n) for n in range(20)}
    assert {find_header(r, REASON_HEADER) for r in letters} == {b"unknown_version"}
    assert {r.key() for r in letters} == {b"%d" % n for n in range(20, 40)}


def test_a_header_whose_name_is_no_text_is_a_dead_letter_and_its_neighbours_are_scored(deploy, streamed_flights):
    """Names are bytes on the wire; the client cannot hand such headers out, and that must not end the service."""
    deployment = deploy()
    good = make_records(deployment, streamed_flights.rows[:40])
    produce_records(deployment.bootstrap_servers, deployment.input_topic, good[:20])
    value = deployment.encoder.encode(streamed_flights.rows[0])
    produce_raw_header(deployment.bootstrap_servers, deployment.input_topic, b"raw", value, b"\xff\xfe")
    produce_records(deployment.bootstrap_servers, deployment.input_topic, good[20:])
    deployment.service.start()
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=40)
    (letter,) = read_records(deployment.bootstrap_servers, deployment.dead_letter_topic, at_least=1)
    assert {decode_prediction(r)["id"] for r in outputs} == {str(n) for n in range(40)}
    assert (letter.key(), letter.value()) == (b"raw", value)
    assert find_header(letter, REASON_HEADER) == b"undecodable"
    assert deployment.service.terminate() == 0


def test_a_second_member_shares_the_work_and_its_end_gives_it_back(deploy, streamed_flights):
    """Two members, a clean leave, nothing lost or doubled."""
    first = deploy(name="first")
    first.service.start().await_ready()
    second = deploy(name="second", like=first)
    rows = streamed_flights.rows[:8000]
    produce_records(first.bootstrap_servers, first.input_topic, make_records(first, rows[:4000]))
    second.service.start().await_ready()
    produce_records(first.bootstrap_servers, first.input_topic, make_records(first, rows[4000:], 4000))
    assert second.service.terminate() == 0
    outputs = read_records(first.bootstrap_servers, first.output_topic, at_least=len(rows))
    assert sorted(int(decode_prediction(r)["id"]) for r in outputs) == list(range(len(rows)))
    assert first.service.terminate() == 0


def test_metrics_and_statistics_count_what_happened(deploy, streamed_flights):
    """A scraper sees the records, the dead letters by reason and the live version."""
    deployment = deploy()
    good = make_records(deployment, streamed_flights.rows[:100])
    bad = [StoredRecord("", 0, 0, b"bad", b"nonsense")]
    produce_records(deployment.bootstrap_servers, deployment.input_topic, [*good, *bad])
    deployment.service.start().await_ready()
    read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=100)
    read_records(deployment.bootstrap_servers, deployment.dead_letter_topic, at_least=1)
    await_metric(deployment.service.url, 'scoreline_predictions_total{path="stream",version="1"} 100.0')
    await_metric(deployment.service.url, 'scoreline_dead_letters_total{reason="undecodable"} 1.0')
    await_metric(deployment.service.url, "scoreline_assigned_partitions 8.0")  # of input and redrive
    await_metric(deployment.service.url, 'scoreline_component_ready{component="stream",role="stream"} 1.0')
    await_metric(deployment.service.url, 'scoreline_component_ready{component="kafka",role="stream"} 1.0')
    await_metric(
        deployment.service.url, f'scoreline_records_total{{outcome="skipped",topic="{deployment.input_topic}"}} 0.0'
    )
    await_metric(
        deployment.service.url, f'scoreline_consumer_lag_records{{partition="1",topic="{deployment.input_topic}"}} 0.0'
    )
    with urllib.request.urlopen(f"{deployment.service.url}/stats", timeout=10) as response:
        stats = json.load(response)
    assert stats["stream"]["predictions"] == {"total": 100, "versions": {"1": 100}}
    assert stats["stream"]["dead_letters"] == {"undecodable": 1}
    with urllib.request.urlopen(f"{deployment.service.url}/status", timeout=10) as response:
        shown = re.sub(r"<[^>]+>", " ", response.read().decode())
    assert "Since the start: 1 undecodable." in shown
    assert re.search(rf"{deployment.input_topic} -\d offset \d+", shown)
    assert "Stream: 8 partitions" in shown
    assert "not ready" not in shown


def await_metric(url, line, within_seconds=10.0):
    """Scrape until the exposition has that line."""
    deadline = time.monotonic() + within_seconds
    while True:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        if line in lines:
            return
        assert time.monotonic() < deadline, f"no {line} among\n" + "\n".join(x for x in lines if x[0] != "#")
        time.sleep(0.05)


def test_a_missing_topic_is_named_within_ten_seconds_with_exit_3(flights_store, kafka, tmp_path):
    """Nothing is started that could not work."""
    done = run_command(
        ["run", "--role", "stream"],
        {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "MODEL_STORE": str(flights_store / "models"),
            "CACHE_DIR": str(flights_store / "cache"),
            "SCHEMA_DIR": str(tmp_path),
            "INPUT_TOPIC": "nobody-made-this",
            "HTTP_PORT": "0",
        },
    )
    assert done.returncode == 3
    assert "nobody-made-this" in done.stderr + done.stdout
    assert "topics create" in done.stderr + done.stdout


def test_the_http_role_alone_needs_no_kafka(flights_store, scoreline_service, streamed_flights):
    """Predictions without a broker anywhere."""
    variables = {"MODEL_STORE": str(flights_store / "models"), "CACHE_DIR": str(flights_store / "cache")}
    service = scoreline_service(variables, roles=["http"]).start().await_ready()
    row = {k: v for k, v in streamed_flights.rows[0].items() if k != "id"}
    request = urllib.request.Request(
        f"{service.url}/predict", json.dumps({"instances": [row]}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response)["predictions"] == [streamed_flights.expected[0]]
    assert service.terminate() == 0


def test_a_stop_during_the_start_ends_it_at_once_with_0(flights_store, scoreline_service):
    """Nothing is in hand yet, so nothing has to be waited for: not even a broker that is away."""
    service = scoreline_service(
        {
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "MODEL_STORE": str(flights_store / "models"),
            "CACHE_DIR": str(flights_store / "cache"),
        }
    ).start()
    while service.ask("/health/live") != 200:
        assert service.running, service.last_words()
    assert service.ask("/health/ready") == 503
    began = time.monotonic()
    assert service.terminate() == 0
    assert time.monotonic() - began < 10


def test_a_stop_with_a_batch_in_hand_and_a_frozen_broker_meets_its_deadline(
    disposable_kafka, scoreline_service, deploy, streamed_flights
):
    """What cannot be acknowledged is given up in time; the next member reads it again."""
    from scoreline.testing.topics import Topics

    topics = Topics(disposable_kafka.bootstrap_servers)
    labels = ("frozen-features", "frozen-predictions", "frozen-letters")
    made = [topics.make(label, partitions=4, exact=True) for label in labels]
    deployment = deploy(
        bootstrap_servers=disposable_kafka.bootstrap_servers,
        like=_Named(*made),
        GROUP_ID="frozen",
        SHUTDOWN_SECONDS="8",
        BATCH_MAX_RECORDS="50",
    )
    rows = (streamed_flights.rows * 2)[:200_000]
    produce_records(deployment.bootstrap_servers, made[0], make_records(deployment, rows))
    deployment.service.start().await_ready()
    disposable_kafka.pause()
    try:
        await_ready_status(deployment.service, 503)
        began = time.monotonic()
        assert deployment.service.terminate() == 0
        assert time.monotonic() - began < 8.5
    finally:
        disposable_kafka.resume()
