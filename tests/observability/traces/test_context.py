"""Trace contexts as headers say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import TraceState

from scoreline.observability.traces.context import (
    MOST_STATE_CHARACTERS,
    MOST_STATE_MEMBERS,
    TraceContext,
    find_context,
    find_trace_id,
    make_headers,
    parse_context,
    read_context,
)
from scoreline.observability.traces.spans import make_span_context
from scoreline.transport.record import StoredRecord

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def record_of(*headers):
    return StoredRecord(headers_=list(headers))


@pytest.mark.parametrize("value", [PARENT, PARENT.encode()])
def test_a_traceparent_names_trace_span_and_whether_it_is_sampled(value):
    assert parse_context(value) == TraceContext(TRACE, SPAN, 1)
    assert parse_context(value).is_sampled
    assert not parse_context(f"00-{TRACE}-{SPAN}-00").is_sampled


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        "00",
        PARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"{PARENT}\n",
        f" {PARENT}",
        b"\xff" * 55,
    ],
)
def test_what_is_no_traceparent_is_in_no_trace(wrong):
    assert parse_context(wrong) is None


def test_a_later_version_is_read_as_far_as_this_one_goes():
    assert parse_context(f"cc-{TRACE}-{SPAN}-ff-what.comes") == TraceContext(TRACE, SPAN, 3)


WRONG_STATES = [
    "a=" + "x" * (MOST_STATE_CHARACTERS - 1),
    "a=\x00",
    b"a=\xff",
    "needle",
    "Needle=1",
    "1needle=1",
    "a=needle=1",
    "a=",
    "a=1,needle",
    " ,, ",
    "a=1;b =2,c =3",
    "a=1,a=needle",
    ",".join(f"a{n}=1" for n in range(MOST_STATE_MEMBERS + 1)),
]
STATES = ["a=1", "b= 1, 2tenant@vendor=x/y:z;k\t,,a=~", ",".join(f"a{n}=1" for n in range(MOST_STATE_MEMBERS))]


@pytest.mark.parametrize("state", WRONG_STATES)
def test_a_state_that_is_too_long_or_none_is_left_out_and_the_trace_goes_on(state):
    assert parse_context(PARENT, state) == TraceContext(TRACE, SPAN, 1, "")


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_carried_as_it_came(state):
    assert parse_context(PARENT, f" {state}\t").state == state


@pytest.mark.parametrize("state", [*STATES, *WRONG_STATES])
def test_what_is_carried_of_a_state_opentelemetry_reads_whole_and_without_a_word(state, caplog):
    carried = parse_context(PARENT, state)
    read = make_span_context(carried).trace_state

    assert len(read) == len([member for member in carried.state.split(",") if member])
    assert not caplog.records


@given(st.text(st.sampled_from("aZ1_@=,; \t~é"), max_size=40))
def test_it_reads_whatever_is_taken_for_a_state(text):
    """OpenTelemetry as the oracle: it gives up a state whole where it cannot read one member."""
    carried = parse_context(PARENT, text).state
    assert carried == (text.strip(" \t") if TraceState.from_header([text]) else "")


def test_a_record_is_where_its_last_headers_say():
    other = PARENT.replace("4bf9", "0bf9").encode()
    record = record_of(("traceparent", other), ("tracestate", b"a=1"), ("x", None), ("traceparent", PARENT.encode()))

    assert find_context(record) == TraceContext(TRACE, SPAN, 1, "a=1")
    assert find_trace_id(record) == TRACE


@pytest.mark.parametrize("headers", [(), [("traceparent", None)], [("traceparent", b"x")], [("tracestate", b"a=1")]])
def test_a_record_without_a_valid_traceparent_is_in_no_trace(headers):
    assert find_context(record_of(*headers)) is None
    assert find_trace_id(record_of(*headers)) is None


def test_a_request_is_where_its_headers_say():
    assert read_context({"traceparent": PARENT, "tracestate": "a=1"}) == TraceContext(TRACE, SPAN, 1, "a=1")
    assert read_context({}) is None


@pytest.mark.parametrize("context", [TraceContext(TRACE, SPAN, 0), TraceContext(TRACE, SPAN, 3, "a=1,b=2"), None])
def test_headers_that_are_made_of_a_context_say_the_same(context):
    assert find_context(record_of(*make_headers(context))) == context
