"""Asks a running sidecar for commands: where it is, with which token, and what its refusals mean for an exit code."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scoreline.client import Client, ClientError, Retries
from scoreline.client.errors import (
    Conflict,
    Denied,
    Expired,
    InvalidRequest,
    InvalidRows,
    NotFound,
    NotSent,
    Overloaded,
    Rejected,
    Unreachable,
    UnreadableAnswer,
    Unserved,
    Untrusted,
    WaitExpired,
)
from scoreline.config.settings import Settings
from scoreline.config.tokens import Access
from scoreline.errors import (
    ConfigError,
    DependencyError,
    InstanceProblem,
    InvalidInstances,
    Refused,
    ServiceError,
    Unavailable,
)
from scoreline.errors import Overloaded as OverloadedService

PATIENCE = Retries(first_attempts=4)
"""Somebody sits there: what is not there after a second is told. What was there once may well come back."""


@contextmanager
def open_client(
    settings: Settings, url: str | None, token: str | None, ca_file: Path | None = None, *, access: Access | None = None
) -> Iterator[Client]:
    """A client of the sidecar that is meant; its errors come out of the block as ours.

    Args:
        url, token: what was said on the command line; None for what is configured.
        access: what the configured token has to open; None for any.

    Raises:
        ServiceError: whatever became of what was asked.
    """
    if token is None:
        known = (each for each in settings.http_tokens if access in (None, each.access))
        token = next((each.value for each in known), None)
    try:
        with Client(url or find_url(settings), token=token, ca_file=ca_file, retries=PATIENCE) as client:
            yield client
    except ClientError as error:
        raise translate(error) from error


def find_url(settings: Settings) -> str:
    """Where the configured sidecar answers on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(settings.http_host, settings.http_host)  # noqa: S104 - compared, not bound
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'http' if settings.http_tls_cert is None else 'https'}://{host}:{settings.http_port}"


def translate(error: ClientError) -> ServiceError:
    """The error of ours for one of the client's: by its nearest class in the table."""
    return next(_ERRORS[c] for c in type(error).__mro__ if c in _ERRORS)(error)


def _name_rows(error: ClientError) -> ServiceError:
    rows = error.errors if isinstance(error, Rejected) else ()
    return InvalidInstances([InstanceProblem(row.instance, row.detail, row.feature) for row in rows])


def _tell(error: ClientError) -> str:
    """What the sidecar says, without what is of use only to a log."""
    return error.detail if isinstance(error, Rejected) else str(error)


_ERRORS: Mapping[type[ClientError], Callable[[ClientError], ServiceError]] = {
    NotSent: lambda error: ConfigError(_tell(error)),
    InvalidRows: _name_rows,
    InvalidRequest: lambda error: ConfigError(f"the sidecar does not take this: {_tell(error)}"),
    Denied: lambda error: Refused(
        f"the sidecar refuses: {_tell(error)}; give it a token: --token, or SCORELINE_HTTP_TOKENS"
    ),
    NotFound: lambda error: DependencyError(_tell(error)),
    Expired: lambda error: DependencyError(_tell(error)),
    Conflict: lambda error: DependencyError(_tell(error)),
    Overloaded: lambda error: OverloadedService(_tell(error)),
    # This one somebody has to look up in the service's log.
    Unserved: lambda error: Unavailable(f"the sidecar cannot answer: {error}"),
    Untrusted: lambda error: Refused(str(error).replace("ca_file", "--ca")),
    Unreachable: lambda error: Unavailable(_tell(error)),
    UnreadableAnswer: lambda error: Unavailable(_tell(error)),
    WaitExpired: lambda error: Unavailable(_tell(error)),
}
