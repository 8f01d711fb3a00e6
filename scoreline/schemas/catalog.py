"""Where writers' schemas come from, as a port; `folder` and `registry` implement it."""

from typing import Any, Protocol

ParsedSchema = Any
"""A schema as fastavro.parse_schema returns it."""


class SchemaCatalog(Protocol):
    """Finds the schema that a payload was written with, and the id that an output is framed with."""

    def find_writer(self, schema_id: int) -> ParsedSchema:
        """The schema of a `confluent` frame's id; answers from memory after the first time.

        Raises:
            SchemaNotFound: there is no such id; remembered for a while.
            SchemaError: there is one, but it is no valid Avro schema.
            Unavailable: the registry is away, or refuses our credentials.
        """
        ...

    def find_fingerprint(self, fingerprint: bytes) -> ParsedSchema:
        """The schema of a `single-object` frame: 8 bytes, little-endian CRC-64-AVRO of the canonical form.

        Raises:
            SchemaNotFound: no schema here has it.
        """
        ...

    def id_of_output(self, subject: str, schema: ParsedSchema) -> int:
        """The id to frame an output with, registering the schema where that is needed and allowed.

        Raises:
            SchemaNotFound: it is not registered, and may not be.
            Unavailable: the registry is away, or refuses our credentials.
        """
        ...

    def latest(self, subject: str) -> ParsedSchema:
        """The newest schema of a subject, for `check` and `produce`.

        Raises:
            SchemaNotFound: there is no such subject.
            Unavailable: the registry is away, or refuses our credentials.
        """
        ...
