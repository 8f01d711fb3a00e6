"""A Confluent-compatible schema registry, through the client of confluent-kafka (extra `registry`).

The client lets four unrelated kinds of errors through. Here they become two: the registry has answered that there is
no such schema, or one that cannot be used (`SchemaError`), and all the rest, worth another try (`Unavailable`).
"""

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from scoreline.errors import ConfigError, SchemaError, SchemaIncompatible, SchemaNotFound, Unavailable
from scoreline.records import Clock
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.misses import Misses
from scoreline.schemas.parsing import parse_schema_text, to_text

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
    from confluent_kafka.schema_registry.error import SchemaRegistryError

T = TypeVar("T")

INSTALL_HINT = "pip install 'scoreline[registry]'"
TIMEOUT_SECONDS = 3.0
UNKNOWN_SECONDS = 30.0

# A bare 404 comes from a proxy, or from a URL that leads elsewhere: no reason to call a single record bad.
_NOT_FOUND = frozenset({40401, 40402, 40403})
_REFUSED = frozenset({401, 403})
_MAX_REASON = 300


class RegistryCatalog:
    """Implements `scoreline.schemas.catalog.SchemaCatalog` over a registry; what it has given is kept for ever.

    Args:
        url: of the registry's API, or several with commas.
        username, password: basic authentication.
        token: a bearer token.
        ca: file or folder of the certificates to trust instead of the usual ones.
        auto_register: whether schemas of outputs may be registered, or only looked up.
        timeout_seconds: for each of connecting, sending and every wait for bytes. Nothing is tried twice: whoever asks
            backs off by itself.
        unknown_seconds: how long an id that does not exist, or names no Avro schema, is remembered.
        clock: monotonic seconds.

    Raises:
        ConfigError: the extra is not installed, or the client refuses these settings.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        ca: Path | None = None,
        auto_register: bool = True,
        timeout_seconds: float = TIMEOUT_SECONDS,
        unknown_seconds: float = UNKNOWN_SECONDS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._shown_url = re.sub(r"//[^/@,]*@", "//", url)
        self._auto_register = auto_register
        self._known: dict[int, ParsedSchema] = {}
        self._output_ids: dict[tuple[str, str], int] = {}
        self._misses = Misses(unknown_seconds, clock=clock)
        settings: dict[str, Any] = {"url": url, "timeout": timeout_seconds, "max.retries": 0}
        if username is not None:
            settings["basic.auth.user.info"] = f"{username}:{password or ''}"
        if token is not None:
            settings |= {
                "bearer.auth.credentials.source": "STATIC_TOKEN",
                "bearer.auth.token": token,
                "bearer.auth.logical.cluster": "",
            }
        if ca is not None:
            settings["ssl.ca.location"] = str(ca)
        self._client = _make_client(settings, self._shown_url)
        self._forget: Callable[[], None] = self._client.clear_caches

    def find_writer(self, schema_id: int) -> ParsedSchema:
        """The schema of an id, with the schemas that it refers to put in."""
        if schema_id in self._known:
            return self._known[schema_id]
        self._misses.raise_known(schema_id)
        try:
            found = self._ask(f"schema {schema_id}", partial(self._client.get_schema, schema_id))
            parsed = self._parse(found, f"schema {schema_id}")
        except SchemaError as error:
            self._misses.remember(schema_id, error)
            raise
        self._known[schema_id] = parsed
        return parsed

    def find_fingerprint(self, fingerprint: bytes) -> ParsedSchema:
        """Always `SchemaNotFound`: a registry of this kind knows ids only."""
        raise SchemaNotFound(
            f"a schema registry cannot look up the fingerprint {fingerprint.hex()}; "
            "single-object framing takes its schemas from SCORELINE_SCHEMA_DIR"
        )

    def id_of_output(self, subject: str, schema: ParsedSchema) -> int:
        """The id under which the registry has the schema, after registering it where that is allowed.

        Raises:
            SchemaIncompatible: the registry refuses it as a new version of the subject.
        """
        text = to_text(schema)
        known = self._output_ids.get((subject, text))
        if known is not None:
            return known
        schema_id = self._look_up(subject, text)
        if schema_id is None:
            schema_id = self._register(subject, text)
        if type(schema_id) is not int:
            self._reject_answer(f"subject {subject}", f"gave {schema_id!r} instead of an id")
        self._output_ids[subject, text] = schema_id
        return schema_id

    def latest(self, subject: str) -> ParsedSchema:
        """The newest version of a subject, asked for each time."""
        what = f"subject {subject}"
        self._forget()
        found = self._ask(what, partial(self._client.get_latest_version, subject))
        return self._parse(found.schema, what)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _look_up(self, subject: str, text: str) -> int | None:
        """The id of an equal schema, None where there is none.

        What is equal differs: some registries compare the text unless they are asked to normalize it, others find a
        schema that was registered as it is only as it is.
        """
        from confluent_kafka.schema_registry import Schema

        for normalize in (False, True):
            call = partial(self._client.lookup_schema, subject, Schema(text, "AVRO"), normalize)
            try:
                found = self._ask(f"subject {subject}", call)
            except SchemaNotFound:
                continue  # asked for the other way, or registered
            return found.schema_id
        return None

    def _register(self, subject: str, text: str) -> int:
        from confluent_kafka.schema_registry import Schema

        if not self._auto_register:
            remedy = "register it there, or set SCORELINE_SCHEMA_AUTO_REGISTER=true"
            raise SchemaNotFound(
                self._say(f"subject {subject}", f"it does not have the schema of our outputs; {remedy}")
            )
        return self._ask(f"subject {subject}", partial(self._client.register_schema, subject, Schema(text, "AVRO")))

    def _parse(self, schema: "Schema", what: str) -> ParsedSchema:
        named: dict[str, ParsedSchema] = {}
        return self._parse_with_references(schema, what, (), named)

    def _parse_with_references(
        self,
        schema: "Schema",
        what: str,
        path: tuple[tuple[str | None, int | None], ...],
        named: dict[str, ParsedSchema],
    ) -> ParsedSchema:
        """Parse the schemas that are referred to before the one that refers to them."""
        if schema.schema_type != "AVRO":
            raise SchemaError(f"{what} is of type {schema.schema_type}; only Avro can be read")
        if not isinstance(schema.schema_str, str):
            self._reject_answer(what, "gave no schema in its answer")
        for reference in schema.references or ():
            subject, version = reference.subject, reference.version
            if (subject, version) in path:
                raise SchemaError(f"{what} refers to itself through {subject} version {version}")
            if subject is None or version is None or reference.name is None:
                self._reject_answer(what, "gave a reference that is not whole")
            inner = f"{what}, reference to {subject} version {version}"
            found = self._ask(inner, partial(self._client.get_version, subject, version))
            named[reference.name] = self._parse_with_references(found.schema, inner, (*path, (subject, version)), named)
        try:
            return parse_schema_text(schema.schema_str, named)
        except SchemaError as error:
            raise SchemaError(f"{what} is {error}") from error

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        """Make one call to the client, and give every way in which it can fail one of our names."""
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            return call()
        except SchemaRegistryError as error:
            raise self._name_refusal(what, error) from error
        except Exception as error:
            # Its HTTP library's errors come through, which library that is depends on what is installed, and an
            # answer that is no schema fails wherever the client first trips over it.
            self._forget()
            raise Unavailable(self._say(what, f"{type(error).__name__}: {error}")) from error

    def _name_refusal(self, what: str, error: "SchemaRegistryError") -> SchemaError | Unavailable:
        status, code = error.http_status_code, error.error_code
        reason = self._say(what, f"HTTP {status}, {error.error_message}")
        if status == 404 and code in _NOT_FOUND:
            return SchemaNotFound(reason)
        if status == 409:
            return SchemaIncompatible(reason)
        if status == 422:
            return SchemaError(reason)
        if status in _REFUSED:
            return Unavailable(f"{reason} (it refuses our credentials)")
        return Unavailable(reason)

    def _reject_answer(self, what: str, defect: str) -> NoReturn:
        """An answer that cannot be meant is asked for again, so the client may not keep it."""
        self._forget()
        raise Unavailable(self._say(what, f"it {defect}"))

    def _say(self, what: str, reason: str) -> str:
        return f"schema registry at {self._shown_url}, {what}: {reason[:_MAX_REASON]}"


def _make_client(settings: Mapping[str, Any], shown_url: str) -> "SchemaRegistryClient":
    try:
        from confluent_kafka.schema_registry import SchemaRegistryClient
    except ImportError as error:
        raise ConfigError(f"a schema registry needs an extra ({error}): {INSTALL_HINT}") from error
    try:
        return SchemaRegistryClient(dict(settings))
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(f"schema registry at {shown_url}: {error}") from error
