"""A schema registry on loopback that keeps schemas in memory, and can be slow, down or wrong on demand.

It checks no compatibility and no schema: for that there is the real one, `scoreline.testing.real_registry`.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

HOST = "127.0.0.1"
MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class Fault(Enum):
    """What the stub does instead of answering: (status, body); no status means that the answer does not come."""

    SILENT = (0, "")
    UNAUTHORIZED = (401, '{"error_code": 401, "message": "Unauthorized"}')
    FORBIDDEN = (403, "<html>Forbidden</html>")
    BROKEN = (500, '{"error_code": 50001, "message": "Error in the backend data store"}')
    OVERLOADED = (429, "")
    MOVED = (302, "")
    WRONG_PATH = (404, '{"error_code": 404, "message": "HTTP 404 Not Found"}')
    WRONG_SERVER = (404, "<html>no such page</html>")
    WEB_PAGE = (200, "<html>Please log in</html>")
    HALF_AN_ANSWER = (200, '{"schema": "{\\"type\\"')
    EMPTY_OBJECT = (200, "{}")
    EMPTY_BODY = (200, "")
    LIST = (200, "[1, 2]")
    TEXT = (200, '"text"')
    NUMBER_AS_SCHEMA = (200, '{"schema": 7, "id": "seven"}')
    INCOMPATIBLE = (409, '{"error_code": 409, "message": "READER_FIELD_MISSING_DEFAULT_VALUE: score"}')
    INVALID = (422, '{"error_code": 42201, "message": "Invalid schema"}')


@dataclass
class Entry:
    """One version of a subject."""

    schema_id: int
    subject: str
    version: int
    schema: str
    schema_type: str = "AVRO"
    references: Sequence[dict[str, Any]] = ()


@dataclass
class RegistryStub:
    """Starts at once, on a port of its own; `with` stops it.

    Attributes:
        fault: what to do wrong from now on; None for answering.
        authorization: the `Authorization` header that is asked for; None lets everybody in.
        requests: every request line so far, without the protocol.
    """

    fault: Fault | None = None
    authorization: str | None = None
    requests: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._port = 0
        self._healed = threading.Event()
        self.start()

    @property
    def url(self) -> str:
        """Where it answers; the same after a restart."""
        return f"http://{HOST}:{self._port}"

    def add(
        self,
        subject: str,
        schema: str,
        *,
        schema_id: int | None = None,
        schema_type: str = "AVRO",
        references: Sequence[dict[str, Any]] = (),
    ) -> int:
        """Put a schema in as it is, under the next id unless one is given; references have name, subject, version."""
        number = schema_id or max((e.schema_id for e in self.entries), default=0) + 1
        version = sum(e.subject == subject for e in self.entries) + 1
        self.entries.append(Entry(number, subject, version, schema, schema_type, references))
        return number

    def start(self) -> None:
        """Listen, on the same port as before."""
        stub = self

        class Handler(_Handler):
            registry = stub

        self._healed.clear()
        self._server = ThreadingHTTPServer((HOST, self._port), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Be down: connections are refused."""
        self._healed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for_end(self) -> None:
        """Keep a caller waiting for as long as the stub runs."""
        self._healed.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, method: str, parts: Sequence[str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What a registry answers: status and body."""
        match method, *parts:
            case "GET", "schemas", "ids", number:
                return self._find([e for e in self.entries if str(e.schema_id) == number], 40403)
            case "GET", "subjects", subject, "versions", "latest":
                return self._find([e for e in self.entries if e.subject == subject][-1:], 40401)
            case "GET", "subjects", subject, "versions", version:
                return self._find([e for e in self.entries if (e.subject, str(e.version)) == (subject, version)], 40402)
            case "POST", "subjects", subject:
                return self._find(self._equal(subject, body), 40403)
            case "POST", "subjects", subject, "versions":
                known = self._equal(subject, body)
                return 200, {"id": known[0].schema_id if known else self.add(subject, body["schema"])}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _equal(self, subject: str, body: dict[str, Any]) -> list[Entry]:
        wanted = json.loads(body["schema"])
        return [e for e in self.entries if e.subject == subject and json.loads(e.schema) == wanted]

    @staticmethod
    def _find(found: list[Entry], error_code: int) -> tuple[int, dict[str, Any]]:
        if not found:
            return 404, {"error_code": error_code, "message": "not found"}
        entry = found[0]
        said = {"schema": entry.schema, "id": entry.schema_id, "subject": entry.subject, "version": entry.version}
        if entry.schema_type != "AVRO":
            said["schemaType"] = entry.schema_type
        if entry.references:
            said["references"] = list(entry.references)
        return 200, said


class _Handler(BaseHTTPRequestHandler):
    registry: RegistryStub

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing: `requests` has it."""

    def _serve(self, body: dict[str, Any]) -> None:
        stub = self.registry
        stub.requests.append(f"{self.command} {self.path}")
        fault = stub.fault
        if fault is Fault.SILENT:
            stub.wait_for_end()
            return
        if fault is None and stub.authorization not in (None, self.headers["Authorization"]):
            fault = Fault.UNAUTHORIZED
        if fault is not None:
            self._send(*fault.value)
            return
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        status, answer = stub.answer(self.command, parts, body)
        self._send(status, json.dumps(answer))

    def _send(self, status: int, text: str) -> None:
        encoded = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)
