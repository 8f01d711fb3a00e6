"""Asks a running sidecar over HTTP, with the standard library alone."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from scoreline.errors import (
    ConfigError,
    InstanceProblem,
    InvalidInstances,
    ModelNotFound,
    Overloaded,
    Refused,
    ServiceError,
    Unavailable,
)

_FIRST_SERVER_STATUS = 500


class Sidecar:
    """One sidecar at one address.

    Args:
        url: as far as the port, or the path that a gateway puts before the routes.
        token: bearer token; None where none is asked for.

    Raises:
        ConfigError: the address is not HTTP.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout_seconds: float = 30.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"--url: expected http://… or https://…, but it is {url!r}")
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_seconds = timeout_seconds
        # A sidecar is near: what a proxy for the internet says of it is no answer.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def predict(
        self,
        instances: Sequence[Mapping[str, Any]],
        version: str | None = None,
        *,
        ignore_unknown: bool = False,
        explain: int | None = None,
    ) -> dict[str, Any]:
        """The answer to `POST /predict`.

        Args:
            version: a selector; None for the alias that answers by default.
            ignore_unknown: whether features that the model does not know are skipped; else they are refused.
            explain: how many features of each row are told with what they contributed; None for no explanation.

        Raises:
            InvalidInstances: rows that cannot be scored.
            ConfigError: the request is not what the sidecar takes.
            ModelNotFound: it has no such version.
            Refused: the token is missing or does not suffice.
            Overloaded, Unavailable: it cannot answer now, or does not.
        """
        query = {} if version is None else {"version": version}
        if ignore_unknown:
            query["ignore_unknown"] = "true"
        if explain is not None:
            query["explain"] = str(explain)
        return self._post(f"/predict{'?' if query else ''}{urlencode(query)}", {"instances": instances})

    def resume_stream(self) -> None:
        """`POST /stream/resume`.

        Raises:
            ModelNotFound: it has no stream, or does not let it be resumed from elsewhere.
            Refused: the token is missing or does not suffice.
            Unavailable: it does not answer.
        """
        self._post("/stream/resume", {})

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body, default=str).encode()
        request = urllib.request.Request(self._url + path, data, headers, method="POST")  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            with error:
                raise _translate(error.code, error.read()) from error
        except (OSError, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise Unavailable(f"{self._url} does not answer as a sidecar does: {reason}") from error


def _translate(status: int, body: bytes) -> ServiceError:
    """The named error of ours for an answer that is not a success."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    problem: Mapping[str, Any] = found if isinstance(found, dict) else {}
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP status {status}")
    rows = problem.get("errors")
    if rows:
        return InvalidInstances(
            [InstanceProblem(int(row["instance"]), str(row["detail"]), row.get("feature")) for row in rows]
        )
    if status in (401, 403):
        return Refused(f"the sidecar refuses: {detail}; give it a token: --token, or SCORELINE_HTTP_TOKENS")
    if status == 404:
        return ModelNotFound(detail)
    if status == 429:
        return Overloaded(detail)
    if status >= _FIRST_SERVER_STATUS:
        return Unavailable(f"the sidecar cannot answer: {detail}")
    return ConfigError(f"the sidecar does not take this: {detail}")
