import io

import pytest
from fastavro import schemaless_writer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoreline.schemas.primitives import encode_long, encode_longs, encode_string


def write(schema: str, value) -> bytes:
    written = io.BytesIO()
    schemaless_writer(written, schema, value)
    return written.getvalue()


longs = st.one_of(st.integers(-70, 70), st.integers(-(2**63), 2**63 - 1))


@given(longs)
@example(-(2**63))
@example(2**63 - 1)
@settings(max_examples=50, deadline=None)
def test_a_long_has_the_bytes_that_fastavro_writes(value):
    assert encode_long(value) == write("long", value)


@given(st.lists(longs, max_size=6), st.sampled_from([1, 10, 30]))
@example([0], 30)
@example([-(2**63), 0, 2**63 - 1], 30)
@settings(max_examples=50, deadline=None)
def test_many_longs_have_the_bytes_of_each(values, times):
    assert encode_longs(values * times) == [encode_long(v) for v in values] * times


@pytest.mark.parametrize("value", [v + near for v in (64, 8192, 2**20, 2**62) for near in (-1, 0, 1)])
def test_lengths_change_where_fastavro_s_do(value):
    assert encode_longs([value, -value] * 40)[:2] == [write("long", value), write("long", -value)]


@given(st.text(max_size=100))
@settings(max_examples=25, deadline=None)
def test_a_string_has_the_bytes_that_fastavro_writes(text):
    assert encode_string(text) == write("string", text)
