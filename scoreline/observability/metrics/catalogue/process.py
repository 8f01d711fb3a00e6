"""Of the process as a whole: its components, its build, what its Kafka clients say, its spans."""

from scoreline.observability.metrics.catalogue.declared import Declared, Type

COMPONENT_READY = Declared(
    "component_ready",
    Type.GAUGE,
    "",
    "1 where a component can do its work, 0 where it cannot; /health has the reason. Role `all`: every role needs it."
    " `drift` and `labels` only watch: the process is ready without them.",
    ("component", "role"),
)
COMPONENT_ALIVE = Declared(
    "component_alive",
    Type.GAUGE,
    "",
    "1 where a component's loop turns, whatever is away; 0: the process has to be restarted, but not for `drift` and"
    " `labels`, which only watch.",
    ("component", "role"),
)
CLIENT_ERRORS = Declared(
    "client_errors_total",
    Type.COUNTER,
    "errors",
    "Situations that the Kafka client reported and goes on trying in, by librdkafka's name for them.",
    ("error",),
)
TRACE_SPANS = Declared(
    "trace_spans_total",
    Type.COUNTER,
    "spans",
    "Spans that were recorded: exported, failed (not taken by the collector in time), or dropped (too many waited).",
    ("outcome",),
)
BUILD_INFO = Declared(
    "build_info", Type.GAUGE, "", "1, with the versions of scoreline and Python.", ("version", "python")
)

METRICS = (
    COMPONENT_READY,
    COMPONENT_ALIVE,
    CLIENT_ERRORS,
    TRACE_SPANS,
    BUILD_INFO,
)
