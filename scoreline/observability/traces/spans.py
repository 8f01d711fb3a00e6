"""Trace contexts as OpenTelemetry has them, and back."""

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from scoreline.observability.traces.context import TraceContext


def make_span_context(context: TraceContext) -> SpanContext:
    """A context that came from elsewhere."""
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(context.flags),
        trace_state=TraceState.from_header([context.state]) if context.state else None,
    )


def make_parent(context: TraceContext | None) -> Context:
    """What a span is begun in: below a remote one, or as the first of its trace; never below one of this thread."""
    if context is None:
        return Context()
    return set_span_in_context(NonRecordingSpan(make_span_context(context)), Context())


def describe_span_context(context: SpanContext) -> TraceContext | None:
    """A context to hand on; None for one that names no span, as where the SDK is disabled."""
    if not context.is_valid:
        return None
    return TraceContext(
        f"{context.trace_id:032x}", f"{context.span_id:016x}", int(context.trace_flags), context.trace_state.to_header()
    )
