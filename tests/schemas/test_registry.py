import base64
import builtins
import json
import sys

import pytest

from scoreline.errors import ConfigError, SchemaError, SchemaIncompatible, SchemaNotFound, Unavailable
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.parsing import are_equal, parse_schema_text, to_text
from scoreline.schemas.registry import RegistryCatalog
from scoreline.testing.registry_stub import Fault, RegistryStub
from tests.schemas.catalog_contract import FakeClock, features, features_text

pytestmark = pytest.mark.usefixtures("one_authority")


@pytest.fixture
def stub():
    with RegistryStub() as running:
        yield running


@pytest.fixture
def open_catalog(stub):
    """Makes catalogs over the stub, and closes their connections."""
    opened = []

    def make(url=None, **settings) -> RegistryCatalog:
        opened.append(RegistryCatalog(url or stub.url, **settings))
        return opened[-1]

    yield make
    for catalog in opened:
        catalog.close()


UNANSWERED = [
    (Fault.UNAUTHORIZED, "HTTP 401.*refuses our credentials"),
    (Fault.FORBIDDEN, "HTTP 403.*refuses our credentials"),
    (Fault.BROKEN, "HTTP 500, Error in the backend"),
    (Fault.OVERLOADED, "HTTP 429"),
    (Fault.MOVED, "HTTP 302"),
    (Fault.WRONG_PATH, "HTTP 404"),
    (Fault.WRONG_SERVER, "HTTP 404"),
    (Fault.WEB_PAGE, "JSONDecodeError"),
    (Fault.HALF_AN_ANSWER, "JSONDecodeError"),
    (Fault.EMPTY_OBJECT, "registry at"),
    (Fault.EMPTY_BODY, "registry at"),
    (Fault.LIST, "registry at"),
    (Fault.TEXT, "registry at"),
    (Fault.NUMBER_AS_SCHEMA, "registry at"),
]
CALLS = (
    lambda catalog: catalog.find_writer(1),
    lambda catalog: catalog.latest("predictions-value"),
    lambda catalog: catalog.id_of_output("predictions-value", prediction_schema()),
)


@pytest.mark.parametrize(("fault", "reason"), UNANSWERED, ids=lambda value: getattr(value, "name", ""))
def test_a_registry_that_gives_no_answer_is_unavailable_and_serves_once_it_is_well(stub, open_catalog, fault, reason):
    """Also an answer that is no schema: it may come from a proxy, and is no reason to call a record bad."""
    stub.add("predictions-value", features_text("x"))
    catalog = open_catalog()
    for call in CALLS:
        stub.fault = fault

        with pytest.raises(Unavailable, match=reason):
            call(catalog)

        stub.fault = None
        assert call(catalog) is not None


def test_a_registry_that_is_down_is_unavailable_until_it_is_back(stub, open_catalog):
    schema_id = stub.add("features-value", features_text("x"))
    catalog = open_catalog()
    stub.stop()

    with pytest.raises(Unavailable, match="ConnectError"):
        catalog.find_writer(schema_id)

    stub.start()
    assert are_equal(catalog.find_writer(schema_id), features("x"))


def test_a_silent_registry_is_unavailable_after_the_time_out(stub, open_catalog):
    schema_id = stub.add("features-value", features_text("x"))
    stub.fault = Fault.SILENT

    with pytest.raises(Unavailable, match="ReadTimeout"):
        open_catalog(timeout_seconds=0.05).find_writer(schema_id)

    assert len(stub.requests) == 1


def test_nothing_is_asked_twice_for_one_call(stub, open_catalog):
    """The loop backs off by itself; a client that does so too would keep it from polling."""
    stub.fault = Fault.BROKEN
    catalog = open_catalog()

    with pytest.raises(Unavailable):
        catalog.find_writer(1)

    assert stub.requests == ["GET /schemas/ids/1"]


def test_what_has_been_found_needs_no_registry_any_more(stub, open_catalog):
    schema_id = stub.add("features-value", features_text("x"))
    catalog = open_catalog()
    catalog.find_writer(schema_id)
    output_id = catalog.id_of_output("predictions-value", prediction_schema())
    stub.stop()

    assert are_equal(catalog.find_writer(schema_id), features("x"))
    assert catalog.id_of_output("predictions-value", prediction_schema()) == output_id
    stub.start()


def test_an_unknown_id_is_asked_for_once_in_a_while(stub, open_catalog):
    clock = FakeClock()
    catalog = open_catalog(clock=clock)

    for elapsed in (0, 10, 19.9, 0.2, 20):
        clock.now += elapsed
        with pytest.raises(SchemaNotFound, match="schema 5"):
            catalog.find_writer(5)

    assert stub.requests == ["GET /schemas/ids/5"] * 2


def test_being_away_is_not_remembered(stub, open_catalog):
    catalog = open_catalog()
    stub.fault = Fault.BROKEN
    for _ in range(2):
        with pytest.raises(Unavailable):
            catalog.find_writer(5)

    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    ("schema", "schema_type", "detail"),
    [
        ('{"type": "object"}', "JSON", "of type JSON; only Avro"),
        ('syntax = "proto3";', "PROTOBUF", "of type PROTOBUF; only Avro"),
        ('{"type": "rec', "AVRO", "not a valid Avro schema"),
        ('"nope"', "AVRO", "not a valid Avro schema"),
    ],
)
def test_an_id_that_names_no_avro_schema_is_a_schema_error_and_remembered(
    stub, open_catalog, schema, schema_type, detail
):
    schema_id = stub.add("features-value", schema, schema_type=schema_type)
    catalog = open_catalog()

    for _ in range(2):
        with pytest.raises(SchemaError, match=detail) as caught:
            catalog.find_writer(schema_id)
        assert not isinstance(caught.value, SchemaNotFound)

    assert len(stub.requests) == 1


POINT = json.dumps({"type": "record", "name": "n.Point", "fields": [{"name": "x", "type": "int"}]})
LINE = json.dumps({"type": "record", "name": "n.Line", "fields": [{"name": "a", "type": "n.Point"}]})


def test_references_are_followed_and_put_in(stub, open_catalog):
    stub.add("point", POINT)
    stub.add("line", LINE, references=[{"name": "n.Point", "subject": "point", "version": 1}])
    outer = {"type": "record", "name": "n.Outer", "fields": [{"name": n, "type": f"n.{n}"} for n in ("Line", "Point")]}
    schema_id = stub.add("f", json.dumps(outer), references=[{"name": "n.Line", "subject": "line", "version": 1}])

    found = open_catalog().find_writer(schema_id)

    line = json.loads(LINE)
    line["fields"][0]["type"] = json.loads(POINT)
    outer["fields"][0]["type"] = line
    assert are_equal(found, parse_schema_text(json.dumps(outer)))


def test_a_reference_in_a_circle_is_a_schema_error(stub, open_catalog):
    stub.add("point", POINT, references=[{"name": "n.Line", "subject": "line", "version": 1}])
    schema_id = stub.add("line", LINE, references=[{"name": "n.Point", "subject": "point", "version": 1}])

    with pytest.raises(SchemaError, match="refers to itself"):
        open_catalog().find_writer(schema_id)


def test_a_reference_to_nothing_is_not_found(stub, open_catalog):
    schema_id = stub.add("line", LINE, references=[{"name": "n.Point", "subject": "point", "version": 1}])

    with pytest.raises(SchemaNotFound, match="reference to point version 1"):
        open_catalog().find_writer(schema_id)


def test_an_output_is_registered_once(stub, open_catalog):
    catalog = open_catalog()

    first = catalog.id_of_output("predictions-value", prediction_schema())
    assert catalog.id_of_output("predictions-value", prediction_schema()) == first

    assert [r.partition("?")[0] for r in stub.requests] == [
        "POST /subjects/predictions-value",
        "POST /subjects/predictions-value",
        "POST /subjects/predictions-value/versions",
    ]
    assert are_equal(parse_schema_text(stub.entries[0].schema), prediction_schema())


def test_an_output_that_is_registered_needs_no_leave_to_write(stub, open_catalog):
    schema_id = stub.add("predictions-value", to_text(prediction_schema()))

    assert open_catalog().id_of_output("predictions-value", prediction_schema()) == schema_id

    assert [r.partition("?")[0] for r in stub.requests] == ["POST /subjects/predictions-value"]


def test_without_leave_to_register_an_output_is_only_looked_up(stub, open_catalog):
    catalog = open_catalog(auto_register=False)

    with pytest.raises(SchemaNotFound, match="SCORELINE_SCHEMA_AUTO_REGISTER"):
        catalog.id_of_output("predictions-value", prediction_schema())
    assert not stub.entries

    schema_id = open_catalog().id_of_output("predictions-value", prediction_schema())
    assert catalog.id_of_output("predictions-value", prediction_schema()) == schema_id


def test_an_incompatible_output_says_what_the_registry_says(stub, open_catalog):
    stub.fault = Fault.INCOMPATIBLE

    with pytest.raises(SchemaIncompatible, match="READER_FIELD_MISSING_DEFAULT_VALUE"):
        open_catalog().id_of_output("predictions-value", prediction_schema())


def test_an_output_that_the_registry_calls_invalid_is_a_schema_error(stub, open_catalog):
    stub.fault = Fault.INVALID

    with pytest.raises(SchemaError, match="Invalid schema"):
        open_catalog().id_of_output("predictions-value", prediction_schema())


BASIC = "Basic " + base64.b64encode(b"ann:se:cret").decode()


@pytest.mark.parametrize(
    ("expected", "credentials"),
    [(BASIC, {"username": "ann", "password": "se:cret"}), ("Bearer abc", {"token": "abc"})],
    ids=["basic", "bearer"],
)
def test_credentials_are_sent(stub, open_catalog, expected, credentials):
    stub.authorization = expected
    schema_id = stub.add("features-value", features_text("x"))

    assert open_catalog(**credentials).find_writer(schema_id)
    with pytest.raises(Unavailable, match="HTTP 401"):
        open_catalog().find_writer(schema_id)


def test_credentials_in_the_url_work_and_are_never_shown(stub, open_catalog):
    stub.authorization = BASIC
    schema_id = stub.add("features-value", features_text("x"))
    catalog = open_catalog(stub.url.replace("//", "//ann:se%3Acret@"))

    assert catalog.find_writer(schema_id)
    stub.fault = Fault.BROKEN
    with pytest.raises(Unavailable) as caught:
        catalog.find_writer(9)
    assert "cret" not in str(caught.value)


def test_a_certificate_file_that_is_missing_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigError, match="schema registry at"):
        RegistryCatalog("https://127.0.0.1:1", ca=tmp_path / "none.pem")


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch):
    import_module = builtins.__import__

    def fail(name, *args, **kwargs):
        if name.startswith("confluent_kafka.schema_registry"):
            raise ImportError("No module named 'httpx2'")
        return import_module(name, *args, **kwargs)

    for name in [m for m in sys.modules if m.startswith("confluent_kafka.schema_registry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", fail)

    with pytest.raises(ConfigError, match=r"pip install 'scoreline\[registry\]'"):
        RegistryCatalog("http://127.0.0.1:1")
