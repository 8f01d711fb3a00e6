"""One consumer span for each chunk of a job, below the span that submitted the job and linked to it."""

from collections.abc import Mapping

from opentelemetry.trace import Link, SpanKind, Status, StatusCode, Tracer

from scoreline.observability.traces.context import TraceContext
from scoreline.observability.traces.messaging import describe_messages, find_start_ns
from scoreline.observability.traces.spans import make_parent, make_span_context
from scoreline.records import Clock


class ChunkTraces:
    """Makes the spans; safe between threads.

    A job is one trace: the submission's, however many processes work on it. Where that was not sampled, its chunks are
    not either.

    Args:
        wall_clock: seconds since the epoch.
    """

    def __init__(self, tracer: Tracer, group_id: str, wall_clock: Clock) -> None:
        self._tracer = tracer
        self._group_id = group_id
        self._wall_clock = wall_clock

    def chunk_ended(
        self,
        topic: str,
        submitted: TraceContext | None,
        *,
        job_id: str | None,
        number: int | None,
        stage_seconds: Mapping[str, float],
        facts: Mapping[str, str | int],
        error: str | None = None,
    ) -> None:
        """Record work on a chunk that has ended just now.

        Args:
            submitted: the context that the chunk's record carries.
            facts: further attributes, by their names behind `scoreline.`.
            error: what went wrong, without what stood in the chunk; None where it is done.
        """
        end_ns = int(self._wall_clock() * 1e9)
        span = self._tracer.start_span(
            f"score {topic}",
            make_parent(submitted),
            SpanKind.CONSUMER,
            links=() if submitted is None else (Link(make_span_context(submitted)),),
            start_time=find_start_ns(end_ns, stage_seconds),
        )
        if span.is_recording():
            span.set_attributes(describe_messages(topic, self._group_id, 1, stage_seconds))
            told = {"job_id": job_id, "chunk": number, **facts}
            span.set_attributes({f"scoreline.{name}": value for name, value in told.items() if value is not None})
            if error is not None:
                span.set_status(Status(StatusCode.ERROR, error))
        span.end(end_ns)
