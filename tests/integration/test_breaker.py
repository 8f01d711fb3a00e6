"""The breaker on the real broker: stops before anything is published, and goes on when it may."""

from pathlib import Path

import pytest

from scoreline.demo.encoding import FlightEncoder
from scoreline.demo.flights import flight_schema
from scoreline.schemas.folder import write_schema
from scoreline.testing.consume import await_committed, produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.commands import run_command
from tests.integration.test_service import make_records
from tests.integration.test_situations import await_health, committed_of, group_of, ids_in

pytestmark = pytest.mark.kafka


def test_too_many_dead_letters_stop_the_stream_before_they_are_published_and_a_resume_lets_a_window_pass(
    deploy, streamed_flights
):
    """Then it stops again; and it goes on by itself where the cure has come."""
    deployment = deploy(DEAD_LETTER_WINDOW="1000", BATCH_MAX_RECORDS="500", TOMBSTONES="skip")
    good = make_records(deployment, streamed_flights.rows[:400])
    broken = [StoredRecord("", n % 4, 0, b"broken", b"\x07broken") for n in range(2000)]
    produce_records(deployment.bootstrap_servers, deployment.input_topic, good)
    deployment.service.start().await_ready()
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic)
    produce_records(deployment.bootstrap_servers, deployment.input_topic, broken)
    said = await_health(deployment.service, "would be dead letters")
    assert "mostly undecodable" in said
    before = len(read_records(deployment.bootstrap_servers, deployment.dead_letter_topic))
    assert before <= 800, "at most half of the window, and what a batch before has had"
    assert deployment.service.ask("/health/live") == 200
    resumed = run_command(["resume", "--url", deployment.service.url], {})
    assert resumed.returncode == 0, resumed.stderr
    letters = read_records(deployment.bootstrap_servers, deployment.dead_letter_topic, at_least=before + 1000)
    await_health(deployment.service, "would be dead letters")
    assert before + 1000 <= len(letters) <= before + 1500
    assert len(ids_in(deployment)) == 400
    assert deployment.service.terminate() == 0
    assert sum(committed_of(deployment).values()) == 400 + len(
        read_records(deployment.bootstrap_servers, deployment.dead_letter_topic)
    )


def test_the_stream_goes_on_by_itself_when_the_schema_that_was_missing_is_there(deploy, streamed_flights):
    """Every record is scored then, and no dead letter was written."""
    deployment = deploy(DEAD_LETTER_MAX_RATIO="0.01")
    encoder = FlightEncoder(77)
    rows = streamed_flights.rows[:200]
    good = make_records(deployment, streamed_flights.rows[:120], start=1000)  # of fewer nothing could be said
    produce_records(deployment.bootstrap_servers, deployment.input_topic, good)
    deployment.service.start().await_ready()
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic)
    records = [StoredRecord("", n % 4, 0, None, encoder.encode({**row, "id": str(n)})) for n, row in enumerate(rows)]
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records)
    said = await_health(deployment.service, "would be dead letters")
    assert "mostly unknown_schema" in said
    folder = Path(deployment.variables["SCHEMA_DIR"])
    assert write_schema(folder, "late-value", {**flight_schema(), "doc": "late"}, schema_id=77) == 77
    assert sorted(ids_in(deployment, at_least=320)) == [*range(200), *range(1000, 1120)]
    assert read_records(deployment.bootstrap_servers, deployment.dead_letter_topic) == []
    deployment.service.await_ready()
    assert deployment.service.terminate() == 0
