"""The table of routes: what is at a path, under which method, behind which door."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from scoreline.http.auth import Door
from scoreline.http.errors import MethodNotAllowed, RouteNotFound
from scoreline.http.exchange import Answerer
from scoreline.http.operations import Operation

UNMATCHED = "unmatched"
"""Route of requests that no pattern takes, in metrics and logs."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one pattern.

    Attributes:
        pattern: a path, whose last segment may be `{name}`.
        summary: what it does, in a line.
        operation: what it takes and answers, for `/openapi.json`; a test fails where a sidecar's route has none.
    """

    method: str
    pattern: str
    door: Door
    answer: Answerer
    summary: str
    operation: Operation | None = None


class RouteTable:
    """Finds routes. A route for GET takes HEAD as well."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._fixed: dict[str, dict[str, Route]] = {}
        self._open: dict[str, dict[str, Route]] = {}
        for route in routes:
            folder, _, last = route.pattern.rpartition("/")
            table, key = (self._open, folder) if last.startswith("{") else (self._fixed, route.pattern)
            methods = table.setdefault(key, {})
            methods[route.method] = route
            if route.method == "GET":
                methods["HEAD"] = route

    def find(self, method: str, raw_path: str) -> tuple[Route, str]:
        """The route of a request and what stands at the open end of its pattern.

        Args:
            raw_path: without the query, still percent-encoded.

        Raises:
            RouteNotFound: nothing is at this path.
            MethodNotAllowed: something is, under another method; the answer names those that it takes.
        """
        parameter = ""
        methods = self._fixed.get(raw_path)
        if methods is None:
            folder, _, last = raw_path.rpartition("/")
            parameter = unquote(last)
            methods = self._open.get(folder) if last else None
        if methods is None:
            raise RouteNotFound("there is no route at this path")
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(methods)
            raise MethodNotAllowed(f"this path takes {allowed}", (("Allow", allowed),))
        return route, parameter

    def find_pattern(self, raw_path: str) -> str:
        """The pattern at a path for a request that was refused; `unmatched` where there is none."""
        methods = self._fixed.get(raw_path) or self._open.get(raw_path.rpartition("/")[0])
        return next(iter(methods.values())).pattern if methods else UNMATCHED
