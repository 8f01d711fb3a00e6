"""An S3 on loopback: moto's server as a real HTTP endpoint, whose conditional writes are atomic, as they are on S3.

python -m scoreline.testing.s3_server BUCKET…

moto looks for a key and writes it in two steps, on a thread for each request: of several writers with
`If-None-Match: *` more than one may be told that it has won. Here one request is answered at a time.
"""

import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from io import BytesIO
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

HOST = "127.0.0.1"


class Moment(Enum):
    """Where a request can be interfered with."""

    HALF_READ = auto()  # half of the body has arrived; nothing has happened yet
    DONE = auto()  # it has taken effect, but is not answered


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as it tells which one it is."""

    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is answered instead: an HTTP status and S3's code for it."""

    status: int
    code: str


Interfere = Callable[[Call, Moment], Fault | None]


class _SilentHandler(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        """A test that fails shows enough without every request."""


class S3Server:
    """Starts on a port of its own with `with`, in this process.

    Attributes:
        interfere: asked at each moment of each request; what it gives is answered instead, None for going on.
    """

    def __init__(self, *buckets: str) -> None:
        self.interfere: Interfere = _leave_alone
        self._buckets = buckets
        self._app = DomainDispatcherApplication(create_backend_app)
        self._one_at_a_time = threading.Lock()
        self._server: BaseWSGIServer = make_server(HOST, 0, self._answer, threaded=True, request_handler=_SilentHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self._server.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes every client of S3 in a process with these variables ask here, and nowhere else."""
        return make_environment(self.url)

    def make_bucket(self, name: str) -> None:
        """Create a bucket."""
        with urlopen(Request(f"{self.url}/{name}", method="PUT")):  # noqa: S310 - loopback
            pass

    def stop_interfering(self) -> None:
        """From now on every request is answered as it should be."""
        self.interfere = _leave_alone

    def __enter__(self) -> Self:
        self._thread.start()
        for bucket in self._buckets:
            self.make_bucket(bucket)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        call = Call(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length // 2)
        fault = self.interfere(call, Moment.HALF_READ)
        body += environ["wsgi.input"].read(length - len(body))
        if fault is None and len(body) < length:
            fault = Fault(400, "IncompleteBody")
        if fault is None:
            environ["wsgi.input"] = BytesIO(body)
            answers: list[tuple[Any, ...]] = []
            with self._one_at_a_time:
                content = list(self._app(environ, lambda *answer: answers.append(answer)))
            fault = self.interfere(call, Moment.DONE)
            if fault is None:
                start_response(*answers[-1])
                return content
        start_response(f"{fault.status} Fault", [("Content-Type", "application/xml")])
        text = f"<Error><Code>{fault.code}</Code><Message>a fault that a test asked for</Message></Error>"
        return [] if call.method == "HEAD" else [text.encode()]


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """A bucket of a server."""

    server: S3Server
    name: str

    @classmethod
    def make(cls, server: S3Server) -> Self:
        """Create an empty one."""
        bucket = cls(server, f"bucket-{secrets.token_hex(8)}")
        server.make_bucket(bucket.name)
        return bucket

    @property
    def url(self) -> str:
        """Of a model store in it."""
        return f"s3://{self.name}/models"


def make_environment(url: str) -> Mapping[str, str]:
    """Variables of the clients of an S3 at a URL."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def _leave_alone(_: Call, __: Moment) -> Fault | None:
    return None


def main() -> None:
    """Serve until standard input ends; the first line of the output is the URL."""
    with S3Server(*sys.argv[1:]) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
