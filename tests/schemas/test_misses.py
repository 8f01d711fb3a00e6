import pytest

from scoreline.errors import SchemaError, SchemaIncompatible, SchemaNotFound
from scoreline.schemas.misses import Misses
from tests.schemas.catalog_contract import FakeClock


def test_an_answer_is_given_again_until_its_time_is_up():
    clock = FakeClock()
    misses = Misses(30, clock=clock)
    misses.remember(7, SchemaNotFound("schema 7"))

    clock.now += 29.9
    with pytest.raises(SchemaNotFound, match="schema 7"):
        misses.raise_known(7)
    clock.now += 0.1
    misses.raise_known(7)
    assert len(misses) == 0


def test_what_was_never_asked_for_is_not_known():
    Misses(30, clock=FakeClock()).raise_known(7)


@pytest.mark.parametrize("kind", [SchemaError, SchemaNotFound, SchemaIncompatible])
def test_the_kind_of_an_answer_is_kept(kind):
    misses = Misses(30, clock=FakeClock())
    misses.remember(7, kind("so"))

    with pytest.raises(SchemaError) as caught:
        misses.raise_known(7)
    assert type(caught.value) is kind


def test_a_flood_of_unknown_ids_takes_a_bounded_room():
    misses = Misses(30, clock=FakeClock(), capacity=3)
    for schema_id in range(10):
        misses.remember(schema_id, SchemaNotFound(str(schema_id)))

    assert len(misses) == 3
    misses.raise_known(0)
    with pytest.raises(SchemaNotFound):
        misses.raise_known(9)
