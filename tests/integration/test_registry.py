"""The catalog on a real registry: the promises of every catalog, and what only a real one knows to refuse."""

import json
import time
import uuid

import pytest

from scoreline.errors import SchemaError, SchemaIncompatible, SchemaNotFound, Unavailable
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.parsing import are_equal, parse_schema_text, to_text
from scoreline.schemas.registry import RegistryCatalog
from scoreline.testing.registry import RealRegistry
from tests.schemas.catalog_contract import CatalogContract, FakeClock, features_text

pytestmark = [pytest.mark.registry, pytest.mark.slow]


@pytest.fixture
def client(schema_registry):
    """Confluent's own client, as someone else who uses the registry."""
    from confluent_kafka.schema_registry import SchemaRegistryClient

    with SchemaRegistryClient({"url": schema_registry.url}) as opened:
        yield opened


@pytest.fixture
def register(client):
    """`register(subject, text)` puts a schema in as someone else would, and gives its id."""
    from confluent_kafka.schema_registry import Schema

    return lambda subject, text, references=(), kind="AVRO": client.register_schema(
        subject, Schema(text, kind, list(references))
    )


@pytest.fixture
def catalog(schema_registry):
    opened = RegistryCatalog(schema_registry.url, clock=FakeClock())
    yield opened
    opened.close()


@pytest.fixture
def cautious_catalog(schema_registry):
    """A catalog that may not register anything."""
    opened = RegistryCatalog(schema_registry.url, auto_register=False)
    yield opened
    opened.close()


@pytest.fixture
def subject():
    return f"features-{uuid.uuid4().hex[:8]}-value"


class PrefixedCatalog:
    """A catalog whose subjects are this test's own, in a registry that all tests share."""

    def __init__(self, inner: RegistryCatalog, prefix: str) -> None:
        self._prefix = prefix
        self.find_writer = inner.find_writer
        self.find_fingerprint = inner.find_fingerprint
        self._inner = inner

    def id_of_output(self, subject, schema):
        return self._inner.id_of_output(self._prefix + subject, schema)

    def latest(self, subject):
        return self._inner.latest(self._prefix + subject)


class RealShelf:
    def __init__(self, url: str, register) -> None:
        self.clock = FakeClock()
        self._prefix = uuid.uuid4().hex[:8]
        self._register = register
        self.inner = RegistryCatalog(url, clock=self.clock)
        self.catalog = PrefixedCatalog(self.inner, self._prefix)

    def add(self, subject: str, text: str) -> int:
        return self._register(self._prefix + subject, text)

    def next_id(self) -> int:
        """One after that of a schema that nobody has registered before."""
        name = f"Unique{uuid.uuid4().hex}"
        return self.add(name, json.dumps({"type": "record", "name": name, "fields": []})) + 1


class TestRealRegistry(CatalogContract):
    @pytest.fixture
    def shelf(self, schema_registry, register):
        shelf = RealShelf(schema_registry.url, register)
        yield shelf
        shelf.inner.close()


def test_a_registered_output_is_looked_up_whatever_its_layout(register, cautious_catalog, subject):
    """An operator registers the file as it ships, indented; the service asks with the schema on one line."""
    schema_id = register(subject, json.dumps(json.loads(to_text(prediction_schema())), indent=4))

    assert cautious_catalog.id_of_output(subject, prediction_schema()) == schema_id


def test_an_output_that_is_not_registered_is_not_found_without_leave_to_register(client, cautious_catalog, subject):
    with pytest.raises(SchemaNotFound, match=subject):
        cautious_catalog.id_of_output(subject, prediction_schema())

    assert subject not in client.get_subjects()


def test_an_output_that_breaks_its_readers_is_incompatible(client, register, catalog, subject):
    register(subject, features_text("score"))
    client.set_compatibility(subject, "FULL")
    other = parse_schema_text(features_text("other"))

    with pytest.raises(SchemaIncompatible, match=r"HTTP 409, .+"):
        catalog.id_of_output(subject, other)


def test_references_are_followed(register, catalog, subject):
    from confluent_kafka.schema_registry import SchemaReference

    point = {"type": "record", "name": "n.Point", "fields": [{"name": "x", "type": "int"}]}
    outer = {"type": "record", "name": "n.Outer", "fields": [{"name": n, "type": "n.Point"} for n in "ab"]}
    register(f"point-{subject}", json.dumps(point))
    schema_id = register(subject, json.dumps(outer), [SchemaReference("n.Point", f"point-{subject}", 1)])

    found = catalog.find_writer(schema_id)

    outer["fields"][0]["type"] = point
    assert are_equal(found, parse_schema_text(json.dumps(outer)))


def test_a_json_schema_is_a_schema_error(register, catalog, subject):
    schema_id = register(subject, '{"$schema": "http://json-schema.org/draft-07/schema#"}', kind="JSON")

    with pytest.raises(SchemaError, match="of type JSON"):
        catalog.find_writer(schema_id)


def test_a_registry_that_ends_is_unavailable_and_what_it_gave_is_kept(register):
    """On a registry of its own, and within a second: nothing waits for retries of the client."""
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

    try:
        registry = RealRegistry().start()
    except Unavailable as error:
        pytest.skip(f"no real schema registry: {error}")
    catalog = RegistryCatalog(registry.url)
    try:
        with SchemaRegistryClient({"url": registry.url}) as other:
            schema_id = other.register_schema("features-value", Schema(features_text("x"), "AVRO"))
        kept = catalog.find_writer(schema_id)
    finally:
        registry.close()

    started = time.monotonic()
    with pytest.raises(Unavailable, match="ConnectError"):
        catalog.find_writer(schema_id + 1)
    assert time.monotonic() - started < 1
    assert catalog.find_writer(schema_id) is kept
    catalog.close()
