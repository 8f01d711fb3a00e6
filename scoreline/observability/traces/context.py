"""The W3C trace context: where something stands in a trace, as `traceparent` and `tracestate` say it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from scoreline.records import Headers, Record

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"

MOST_STATE_CHARACTERS = 512
"""What has to be passed on at least."""

MOST_STATE_MEMBERS = 32

SAMPLED = 0x01
_KNOWN_FLAGS = 0x03

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE_MEMBER = re.compile(
    r"([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


class TraceContext(NamedTuple):
    """One span of a trace, as it is known beyond its process.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        state: what vendors have added, as it came; empty without any.
    """

    trace_id: str
    span_id: str
    flags: int
    state: str = ""

    @property
    def is_sampled(self) -> bool:
        """Whether the caller may have recorded the trace."""
        return bool(self.flags & SAMPLED)


def parse_context(traceparent: str | bytes | None, tracestate: str | bytes | None = None) -> TraceContext | None:
    """What two headers say; None without a valid `traceparent`, as the trace then begins anew."""
    text = _to_text(traceparent)
    found = None if text is None else _TRACEPARENT.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    # A later version may have more behind what this one has; `ff` is none.
    if version == "ff" or (version == "00" and rest is not None) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, int(flags, 16) & _KNOWN_FLAGS, _read_state(_to_text(tracestate) or ""))


def read_context(headers: Mapping[str, str]) -> TraceContext | None:
    """The context of an HTTP request; None where it has none."""
    traceparent = headers.get(TRACEPARENT)
    return None if traceparent is None else parse_context(traceparent, headers.get(TRACESTATE))


def find_context(record: Record) -> TraceContext | None:
    """The context of a record, by the last headers of their names; None where it has none."""
    traceparent = tracestate = None
    for name, value in record.headers() or ():
        if name == TRACEPARENT:
            traceparent = value
        elif name == TRACESTATE:
            tracestate = value
    return None if traceparent is None else parse_context(traceparent, tracestate)


def find_trace_id(record: Record) -> str | None:
    """The trace that a record belongs to, for a log line; None where it belongs to none."""
    context = find_context(record)
    return None if context is None else context.trace_id


def make_headers(context: TraceContext | None) -> Headers:
    """The headers of a record that belongs to a trace; none where it belongs to none."""
    if context is None:
        return ()
    traceparent = f"00-{context.trace_id}-{context.span_id}-{context.flags:02x}".encode()
    state = [(TRACESTATE, context.state.encode())] if context.state else []
    return [(TRACEPARENT, traceparent), *state]


def _read_state(text: str) -> str:
    """The state where it is one and not too long; else it is left out whole, and the trace goes on without it.

    It is never left to OpenTelemetry, which logs what it cannot read: texts of outsiders, a line for each.
    """
    if not text or len(text) > MOST_STATE_CHARACTERS:
        return ""
    members = [member for each in text.split(",") if (member := each.strip(" \t"))]
    keys = {found[1] for member in members if (found := _STATE_MEMBER.fullmatch(member))}
    return text.strip(" \t") if 0 < len(keys) == len(members) <= MOST_STATE_MEMBERS else ""


def _to_text(value: str | bytes | None) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value
