"""The service with its schemas in a registry: a real one, and one that goes away while records come in."""

import time
import urllib.error
import urllib.request

import pytest

from scoreline.dead_letters import DETAIL_HEADER, REASON_HEADER
from scoreline.demo.encoding import FlightEncoder
from scoreline.demo.flights import flight_schema
from scoreline.records import find_header
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.parsing import are_equal, to_text
from scoreline.schemas.registry import RegistryCatalog
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.registry_stub import Fault, RegistryStub
from scoreline.transport.record import StoredRecord
from tests.integration.predictions import decode_prediction

pytestmark = pytest.mark.kafka


def make_records(encoder, rows, start=0):
    return [
        StoredRecord("", n % 4, 0, b"%d" % n, encoder.encode({**row, "id": str(n)}))
        for n, row in enumerate(rows, start)
    ]


def await_detail(url, words, within_seconds=30.0):
    """Ask for readiness until some component says these words of why it is not ready."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/health/ready", timeout=5).close()
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode()
            if words in said:
                return
        except urllib.error.URLError as error:
            said = str(error)
        time.sleep(0.1)
    pytest.fail(f"never said {words!r}, but last: {said}")


@pytest.mark.registry
def test_predictions_are_framed_with_an_id_that_their_readers_find_in_the_registry(
    deploy, schema_registry, streamed_flights
):
    """A record whose id the registry does not have is a dead letter that says so; its neighbours are predicted."""
    catalog = RegistryCatalog(schema_registry.url)
    encoder = FlightEncoder(catalog.id_of_output("flights-value", flight_schema()))
    deployment = deploy(SCHEMA_REGISTRY_URL=schema_registry.url)
    records = make_records(encoder, streamed_flights.rows[:400])
    records.insert(
        200, StoredRecord("", 0, 0, b"lost", FlightEncoder(987_654).encode({**streamed_flights.rows[0], "id": "x"}))
    )
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records)
    deployment.service.start().await_ready()

    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=400)
    (letter,) = read_records(deployment.bootstrap_servers, deployment.dead_letter_topic, at_least=1)

    assert find_header(letter, REASON_HEADER) == b"unknown_schema"
    assert b"987654" in find_header(letter, DETAIL_HEADER)
    found = {int(decode_prediction(r)["id"]): decode_prediction(r)["prediction"] for r in outputs}
    assert found == dict(enumerate(streamed_flights.expected[:400].tolist()))
    (framed_with,) = {int.from_bytes(r.value()[1:5], "big") for r in outputs}
    assert are_equal(catalog.find_writer(framed_with), prediction_schema())
    assert are_equal(catalog.latest(f"{deployment.output_topic}-value"), prediction_schema())
    assert deployment.service.terminate() == 0
    catalog.close()


WAITED_FOR = (Fault.BROKEN, Fault.UNAUTHORIZED, Fault.WRONG_SERVER, Fault.WEB_PAGE, Fault.HALF_AN_ANSWER, Fault.SILENT)


def test_a_registry_that_cannot_be_asked_makes_records_wait_and_none_a_dead_letter(deploy, streamed_flights):
    """Whatever it does wrong; and what it says it does not have is a dead letter."""
    with RegistryStub() as stub:
        deployment = deploy(SCHEMA_REGISTRY_URL=stub.url)
        deployment.service.start().await_ready()
        for turn, fault in enumerate(WAITED_FOR):
            text = to_text({**flight_schema(), "doc": fault.name})  # one that the service has not asked for yet
            encoder = FlightEncoder(stub.add("flights-value", text))
            records = make_records(encoder, streamed_flights.rows[:20], 20 * turn)
            stub.fault = fault
            produce_records(deployment.bootstrap_servers, deployment.input_topic, records)
            await_detail(deployment.service.url, f"schema registry at {stub.url}")
            stub.fault = None
            read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=20 * (turn + 1))
        unknown = FlightEncoder(987_654).encode({**streamed_flights.rows[0], "id": "x"})
        unknown_record = StoredRecord("", 0, 0, b"lost", unknown)
        produce_records(deployment.bootstrap_servers, deployment.input_topic, [unknown_record])
        (letter,) = read_records(deployment.bootstrap_servers, deployment.dead_letter_topic, at_least=1)
        outputs = read_records(deployment.bootstrap_servers, deployment.output_topic)

        assert find_header(letter, REASON_HEADER) == b"unknown_schema"
        assert sorted(int(decode_prediction(r)["id"]) for r in outputs) == list(range(20 * len(WAITED_FOR)))
        deployment.service.await_ready()
        assert deployment.service.terminate() == 0
