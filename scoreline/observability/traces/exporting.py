"""Recorded spans on their way to a collector: a failure is counted, logged once, and touches nothing else."""

import logging
import threading
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from scoreline.errors import ConfigError
from scoreline.observability.traces.ports import SpanObserver

logger = logging.getLogger("scoreline.traces")

EXPORTERS_LOGGER = trace_exporter.__name__
"""Which has two lines for each attempt of each export that fails."""

MOST_REASON_CHARACTERS = 200
"""Such a line quotes the phrase of a collector's answer; in earlier releases its body, however long a page that is."""

HEADER_PARSERS_LOGGER = "opentelemetry.util.re"
"""Which shows a list of headers that it cannot read, and with it the credential that is in there."""


def open_exporter() -> SpanExporter:
    """The exporter that OpenTelemetry's own variables describe.

    Raises:
        ConfigError: they do not describe one.
    """
    refusals = _Refusals()
    parser = logging.getLogger(HEADER_PARSERS_LOGGER)
    parser.addFilter(refusals)
    try:
        exporter = trace_exporter.OTLPSpanExporter()
    finally:
        parser.removeFilter(refusals)
    if refusals.count:
        raise ConfigError(
            "OTEL_EXPORTER_OTLP_HEADERS, or OTEL_EXPORTER_OTLP_TRACES_HEADERS: expected name=value,name=value with"
            " URL-encoded values (a blank is %20)"
        )
    return exporter


class _Refusals(logging.Filter):
    """Keeps back lines, and counts them."""

    count = 0

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the library's signature
        self.count += 1
        return False


class FailureReasons(logging.Filter):
    """Keeps back the lines of OpenTelemetry's exporter, and remembers what the latest of them says.

    An exception is told by its name: what it says may quote a header, and with it a credential.
    """

    latest = "the exporter does not say why"

    def filter(self, record: logging.LogRecord) -> bool:
        """Take note of a line; it goes nowhere."""
        given = record.args if isinstance(record.args, tuple) else ()
        told = tuple(type(arg).__name__ if isinstance(arg, Exception) else arg for arg in given)
        reason = str(record.msg) % told if told else str(record.msg)
        self.latest = reason if len(reason) <= MOST_REASON_CHARACTERS else f"{reason[:MOST_REASON_CHARACTERS]}…"
        return False


class WatchedExporter(SpanExporter):
    """Exports as another one does, and tells how that goes; only the thread of its processor calls `export`.

    Attributes:
        on_taken: told how many spans have left the queue.
    """

    def __init__(self, exporter: SpanExporter, observer: SpanObserver) -> None:
        self._exporter = exporter
        self._observer = observer
        self.on_taken: Callable[[int], None] = lambda _: None
        self._failing = False
        self._reasons = FailureReasons()
        self._ended = threading.Lock()
        logging.getLogger(EXPORTERS_LOGGER).addFilter(self._reasons)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand spans to the collector, or lose them."""
        self.on_taken(len(spans))
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - counted and logged like a result that says so
            result, self._reasons.latest = SpanExportResult.FAILURE, type(error).__name__
        if result is SpanExportResult.SUCCESS:
            self._observer.spans_exported(len(spans))
            if self._failing:
                logger.info("spans are exported again", extra={"event": "spans_exported_again"})
        else:
            self._observer.spans_failed(len(spans))
            if not self._failing:
                reason = self._reasons.latest
                logger.warning(
                    "spans are lost until the collector takes them (OTEL_EXPORTER_OTLP_ENDPOINT says where it is): %s",
                    reason,
                    extra={"event": "spans_lost", "error": reason},
                )
        self._failing = result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        """Give up what is being tried; the second time it does nothing."""
        if self._ended.acquire(blocking=False):
            self._exporter.shutdown()
            logging.getLogger(EXPORTERS_LOGGER).removeFilter(self._reasons)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here."""
        return self._exporter.force_flush(timeout_millis)
