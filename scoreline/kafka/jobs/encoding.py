"""Values of the topics of jobs, framed with ids that the schema registry has given."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from scoreline.errors import ServiceError, Unavailable
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import JobEvent
from scoreline.jobs.result import ChunkResult
from scoreline.jobs.wire import encode_chunk, encode_event, encode_result, find_prefix
from scoreline.schemas.catalog import SchemaCatalog
from scoreline.schemas.fixed import JOB_CHUNK_ID, JOB_EVENT_ID, JOB_RESULT_ID
from scoreline.schemas.framing import Framing


@dataclass(frozen=True, slots=True)
class JobTopicNames:
    """The topics that jobs live in."""

    jobs: str
    bulk: str
    results: str
    events: str
    dead_letters: str

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        return (self.jobs, self.bulk, self.results, self.events, self.dead_letters)


class JobEncoding:
    """Encodes from any thread, once `look` has got the ids.

    Args:
        framing: of everything that scoreline writes.
    """

    def __init__(self, catalog: SchemaCatalog, framing: Framing, names: JobTopicNames) -> None:
        self._catalog = catalog
        self._framing = framing
        self._ids = {
            names.jobs: JOB_CHUNK_ID,
            names.bulk: JOB_CHUNK_ID,
            names.results: JOB_RESULT_ID,
            names.events: JOB_EVENT_ID,
        }
        self._names = names
        self._looking = threading.Lock()  # a catalog is for one thread at a time
        self._prefixes: Mapping[str, bytes] = {}
        self._trouble = "the schema registry has not been asked yet"

    def look(self) -> None:
        """Ask the registry for the ids; from threads that may wait, again and again until it does not raise.

        Raises:
            SchemaError: the registry refuses a schema, or does not have it.
            Unavailable: the registry is away.
        """
        with self._looking:
            try:
                self._prefixes = {
                    topic: find_prefix(self._catalog, self._framing, topic, schema_id)
                    for topic, schema_id in self._ids.items()
                }
            except ServiceError as error:
                self._trouble = str(error)
                raise

    def encode_chunk(self, chunk: Chunk, topic: str) -> bytes:
        """A chunk as the value of its record on one of the two topics.

        Raises:
            Unavailable: the registry has not given the ids yet.
        """
        return encode_chunk(chunk, self._find_prefix(topic))

    def encode_result(self, result: ChunkResult) -> bytes:
        """A result as the value of its record; raises as `encode_chunk`."""
        return encode_result(result, self._find_prefix(self._names.results))

    def encode_event(self, event: JobEvent) -> bytes:
        """An event as the value of its record; raises as `encode_chunk`."""
        return encode_event(event, self._find_prefix(self._names.events))

    def _find_prefix(self, topic: str) -> bytes:
        prefix = self._prefixes.get(topic)
        if prefix is None:
            raise Unavailable(f"jobs cannot be written yet: {self._trouble}")
        return prefix
