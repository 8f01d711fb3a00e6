"""The table of routes: what is at a path, under which method, behind which door."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from scoreline.http.auth import Door
from scoreline.http.errors import MethodNotAllowed, RouteNotFound
from scoreline.http.exchange import Answerer
from scoreline.http.openapi.operations import Operation

UNMATCHED = "unmatched"
"""Route of requests that no pattern takes, in metrics and logs."""

_MOST_SEGMENTS = 16


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one pattern.

    Attributes:
        pattern: a path, of which any segment may be `{name}`.
        summary: what it does, in a line.
        operation: what it takes and answers, for `/openapi.json`; a test fails where a sidecar's route has none.
    """

    method: str
    pattern: str
    door: Door
    answer: Answerer
    summary: str
    operation: Operation | None = None


Methods = dict[str, Route]
Segments = tuple[str | None, ...]
"""A pattern cut at its slashes; None where it is open."""


class RouteTable:
    """Finds routes. A route for GET takes HEAD as well."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._fixed: dict[str, Methods] = {}
        self._open: dict[str, Methods] = {}
        self._winding: dict[Segments, Methods] = {}
        for route in routes:
            methods = self._place(route.pattern)
            methods[route.method] = route
            if route.method == "GET":
                methods["HEAD"] = route

    def find(self, method: str, raw_path: str) -> tuple[Route, tuple[str, ...]]:
        """The route of a request and what stands at the open segments of its pattern, in their order.

        Args:
            raw_path: without the query, still percent-encoded.

        Raises:
            RouteNotFound: nothing is at this path.
            MethodNotAllowed: something is, under another method; the answer names those that it takes.
        """
        parameters: tuple[str, ...] = ()
        methods = self._fixed.get(raw_path)
        if methods is None:
            methods, parameters = self._find_open(raw_path)
        if methods is None:
            raise RouteNotFound("there is no route at this path")
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(methods)
            raise MethodNotAllowed(f"this path takes {allowed}", (("Allow", allowed),))
        return route, parameters

    def find_pattern(self, raw_path: str) -> str:
        """The pattern at a path for a request that was refused; `unmatched` where there is none."""
        methods = self._fixed.get(raw_path) or self._open.get(raw_path.rpartition("/")[0])
        if not methods:
            methods, _ = self._find_winding(raw_path)
        return next(iter(methods.values())).pattern if methods else UNMATCHED

    def _place(self, pattern: str) -> Methods:
        """Where the routes of a pattern are kept: the fewer of its segments are open, the faster it is found."""
        segments = tuple(None if segment.startswith("{") else segment for segment in pattern.split("/"))
        if None not in segments:
            return self._fixed.setdefault(pattern, {})
        if segments.index(None) == len(segments) - 1:
            return self._open.setdefault(pattern.rpartition("/")[0], {})
        return self._winding.setdefault(segments, {})

    def _find_open(self, raw_path: str) -> tuple[Methods | None, tuple[str, ...]]:
        folder, _, last = raw_path.rpartition("/")
        methods = self._open.get(folder) if last else None
        return self._find_winding(raw_path) if methods is None else (methods, (unquote(last),))

    def _find_winding(self, raw_path: str) -> tuple[Methods | None, tuple[str, ...]]:
        """Among patterns that are open before their end; there are few of them."""
        segments = raw_path.split("/", _MOST_SEGMENTS)
        for pattern, methods in self._winding.items():
            if len(pattern) == len(segments) and all(map(_fits, pattern, segments)):
                found = (given for known, given in zip(pattern, segments, strict=True) if known is None)
                return methods, tuple(map(unquote, found))
        return None, ()


def _fits(known: str | None, given: str) -> bool:
    return bool(given) if known is None else known == given
