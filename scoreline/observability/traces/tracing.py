"""The spans of one process: who makes them, and how they end with it."""

import threading

from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider

from scoreline import __version__
from scoreline.errors import ConfigError
from scoreline.observability.traces.batches import BatchTraces
from scoreline.observability.traces.chunks import ChunkTraces
from scoreline.observability.traces.exporting import WatchedExporter, open_exporter
from scoreline.observability.traces.ports import SpanObserver
from scoreline.observability.traces.queueing import BoundedProcessor
from scoreline.observability.traces.requests import RequestTraces
from scoreline.records import Clock

_UNNAMED = "unknown_service"
_GIVE_UP_SECONDS = 0.1
"""For what was being tried again to be counted as lost."""


class Traces:
    """Makes spans of requests, batches and chunks, and exports them from a thread of its own.

    Where to, what of them, and under which name, the SDK reads from its own variables (`OTEL_…`).

    Args:
        group_id, jobs_group_id: the consumer groups of the stream and of jobs.
        wall_clock: seconds since the epoch.

    Raises:
        ConfigError: one of these variables makes no sense.
    """

    def __init__(self, group_id: str, jobs_group_id: str, *, observer: SpanObserver, wall_clock: Clock) -> None:
        self._exporter = WatchedExporter(open_exporter(), observer)
        try:
            self._provider = TracerProvider(resource=_describe_process(), shutdown_on_exit=False)
            self._provider.add_span_processor(BoundedProcessor(self._exporter, observer))
        except ValueError as error:
            self._exporter.shutdown()
            raise ConfigError(f"OpenTelemetry's SDK refuses one of its variables (OTEL_…): {error}") from error
        tracer = self._provider.get_tracer("scoreline", __version__)
        self.requests = RequestTraces(tracer)
        self.batches = BatchTraces(tracer, group_id)
        self.chunks = ChunkTraces(tracer, jobs_group_id, wall_clock)

    def close(self, within_seconds: float) -> None:
        """Export what is left, as far as the time allows; nothing may be recorded any more."""
        # The SDK takes no time for it, and its exporter may wait for a collector that does not answer.
        ending = threading.Thread(target=self._provider.shutdown, name="trace-export-end", daemon=True)
        ending.start()
        ending.join(within_seconds)
        if ending.is_alive():
            self._exporter.shutdown()
            ending.join(_GIVE_UP_SECONDS)


def _describe_process() -> Resource:
    """What the SDK finds out, and our name where nobody gave another."""
    found = Resource.create()
    if str(found.attributes.get(SERVICE_NAME, _UNNAMED)).startswith(_UNNAMED):
        found = found.merge(Resource({SERVICE_NAME: "scoreline"}))
    return Resource({SERVICE_VERSION: __version__}).merge(found)
