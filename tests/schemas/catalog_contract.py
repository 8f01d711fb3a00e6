"""What every catalog promises; a test module subclasses `CatalogContract` and gives it a `shelf`."""

import json
from typing import Protocol

import pytest

from scoreline.errors import SchemaNotFound
from scoreline.schemas.catalog import SchemaCatalog
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.parsing import are_equal, parse_schema_text, to_text


class FakeClock:
    """Monotonic seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shelf(Protocol):
    """A place for schemas, a catalog over it, and the clock that the catalog goes by."""

    catalog: SchemaCatalog
    clock: FakeClock

    def add(self, subject: str, text: str) -> int:
        """Put a schema in as someone else would; gives its id."""
        ...

    def next_id(self) -> int:
        """The id that the next schema will get."""
        ...


def features_text(*names: str) -> str:
    """The schema of an input with these fields."""
    return json.dumps(
        {"type": "record", "name": "a.Features", "fields": [{"name": n, "type": "double"} for n in names]}
    )


def features(*names: str):
    return parse_schema_text(features_text(*names))


class CatalogContract:
    """A catalog gives what is there, says of what is not that it is not, and remembers both."""

    def test_a_schema_is_found_by_its_id(self, shelf: Shelf):
        one, other = shelf.add("features-value", features_text("x")), shelf.add("others-value", features_text("x", "y"))

        assert are_equal(shelf.catalog.find_writer(one), features("x"))
        assert are_equal(shelf.catalog.find_writer(other), features("x", "y"))

    def test_a_schema_is_parsed_once(self, shelf: Shelf):
        schema_id = shelf.add("features-value", features_text("x"))

        assert shelf.catalog.find_writer(schema_id) is shelf.catalog.find_writer(schema_id)

    def test_an_unknown_id_is_not_found(self, shelf: Shelf):
        with pytest.raises(SchemaNotFound, match="987654321"):
            shelf.catalog.find_writer(987_654_321)

    def test_an_unknown_id_is_remembered_for_a_while_and_then_asked_for_again(self, shelf: Shelf):
        schema_id = shelf.next_id()
        with pytest.raises(SchemaNotFound):
            shelf.catalog.find_writer(schema_id)

        assert shelf.add("features-value", features_text("new")) == schema_id

        with pytest.raises(SchemaNotFound):
            shelf.catalog.find_writer(schema_id)
        shelf.clock.now += 60
        assert are_equal(shelf.catalog.find_writer(schema_id), features("new"))

    def test_the_latest_of_a_subject_is_the_newest_of_it(self, shelf: Shelf):
        shelf.add("features-value", features_text("x"))
        assert are_equal(shelf.catalog.latest("features-value"), features("x"))

        shelf.add("features-value", features_text())
        shelf.add("others-value", features_text("z"))

        assert are_equal(shelf.catalog.latest("features-value"), features())

    def test_an_unknown_subject_is_not_found(self, shelf: Shelf):
        with pytest.raises(SchemaNotFound, match="nobody-value"):
            shelf.catalog.latest("nobody-value")

    def test_an_output_that_is_there_keeps_its_id(self, shelf: Shelf):
        schema_id = shelf.add("predictions-value", to_text(prediction_schema()))

        assert shelf.catalog.id_of_output("predictions-value", prediction_schema()) == schema_id

    def test_an_output_that_is_not_there_gets_an_id_that_is_found_again(self, shelf: Shelf):
        schema_id = shelf.catalog.id_of_output("predictions-value", prediction_schema())

        assert are_equal(shelf.catalog.find_writer(schema_id), prediction_schema())
        assert shelf.catalog.id_of_output("predictions-value", prediction_schema()) == schema_id

    def test_an_unknown_fingerprint_is_not_found(self, shelf: Shelf):
        with pytest.raises(SchemaNotFound, match="0102030405060708"):
            shelf.catalog.find_fingerprint(bytes(range(1, 9)))
