"""Changes of states as framed Avro, for the topic of drift events."""

from io import BytesIO

from fastavro import schemaless_writer

from scoreline.observability.drift.ports import DriftChanged
from scoreline.schemas.catalog import SchemaCatalog
from scoreline.schemas.fixed import DRIFT_EVENT_ID, load_fixed
from scoreline.schemas.framing import Framing, prefix_for


class DriftEventEncoder:
    """Writes events behind the id that the schema registry has given.

    Args:
        member: what tells this process from the others.

    Raises:
        SchemaError: the registry refuses the schema, or does not have it.
        Unavailable: the registry is away.
    """

    def __init__(self, catalog: SchemaCatalog, framing: Framing, topic: str, *, member: str) -> None:
        self._schema = load_fixed(DRIFT_EVENT_ID)
        self._prefix = prefix_for(framing, catalog.id_of_output(f"{topic}-value", self._schema), self._schema)
        self._member = member

    def encode(self, event: DriftChanged) -> bytes:
        """The value of a record."""
        change, cause = event.change, event.change.cause
        stream = BytesIO()
        stream.write(self._prefix)
        fields = {
            "model": event.model,
            "version": event.version,
            "member": self._member,
            "name": change.name,
            "kind": "raised" if event.raised else "cleared",
            "state": change.state.value,
            "before": change.earlier.value,
            "rule": cause.rule.value,
            "statistic": cause.statistic,
            "value": float(cause.value),
            "threshold": float(cause.threshold),
            "windows": cause.windows,
            "baseline": event.origin.value,
            "at": change.at_ms,
        }
        schemaless_writer(stream, self._schema, fields)
        return stream.getvalue()
