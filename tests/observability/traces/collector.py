"""An OTLP collector on loopback that keeps what it is sent, and may refuse or delay it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What has come, and what is answered.

    Attributes:
        status: of the answers.
        phrase: behind the status, None for the usual one.
        answering: cleared, nobody is answered.
    """

    def __init__(self) -> None:
        self.status = 200
        self.phrase: str | None = None
        self.requests: list[ExportTraceServiceRequest] = []
        self.authorizations: list[str | None] = []
        self.answering = threading.Event()
        self.answering.set()
        self.asked = threading.Event()

    @property
    def spans(self) -> list[Span]:
        return [s for request in self.requests for r in request.resource_spans for x in r.scope_spans for s in x.spans]

    @property
    def resource(self) -> dict[str, object]:
        return read_attributes(self.requests[0].resource_spans[0].resource.attributes)


def read_attributes(pairs) -> dict[str, object]:
    """Attributes of a span as plain values."""
    return {pair.key: _read(pair.value) for pair in pairs}


def _read(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return [_read(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def run_collector() -> Iterator[tuple[Collector, str]]:
    """A collector and its address."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.asked.set()
            assert collector.answering.wait(10)
            assert self.path == "/v1/traces"
            if collector.status == 200:
                collector.authorizations.append(self.headers["Authorization"])
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(collector.status, collector.phrase)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_port}"
    finally:
        collector.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
