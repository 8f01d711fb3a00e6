"""The sidecar of every role: health and metrics always, predictions where the http role is among them."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from scoreline.config.conflicts import is_loopback
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.errors import ModelRejected
from scoreline.http.access_log import AccessLogMode
from scoreline.http.app import Dependencies, Serving, Sidecar
from scoreline.http.auth import check_binding
from scoreline.http.limits import Limits
from scoreline.http.server import Address, HttpServer
from scoreline.models.live import LiveVersions
from scoreline.models.reloading import Reloader
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.observability.comparisons import QUANTILES, Comparison
from scoreline.observability.tee import RequestTee
from scoreline.service.parts import Parts


async def start_sidecar(parts: Parts, roles: frozenset[Role]) -> HttpServer:
    """Listen, with the routes that the roles need.

    Raises:
        ConfigError: the address may not be listened on without a token.
        Refused: it is taken.
    """
    settings = parts.settings
    serves = Role.HTTP in roles
    if serves:
        check_binding(settings.http_host, settings.http_tokens, open_on_purpose=settings.http_auth == "none")
    limits = Limits(
        max_body_bytes=settings.http_max_body_bytes,
        max_instances=settings.http_max_instances,
        max_concurrency=settings.http_max_concurrency,
        timeout_seconds=settings.http_timeout_seconds,
    )
    listing = StoreListing(parts.store, parts.versions, parts.reloader, parts.compare_shadows)
    sidecar = Sidecar(
        Dependencies(
            health=parts.health,
            observer=RequestTee(parts.metrics, parts.stats),
            render_metrics=parts.metrics.render,
            read_stats=parts.stats.snapshot,
            serving=Serving(
                parts.versions,
                listing,
                settings.workers,
                parts.follower.look if _is_guarded(settings) else None,
                parts.shadows,
            )
            if serves
            else None,
            tokens=settings.http_tokens,
            metrics_need_token=settings.metrics_auth == "token",
            resume_stream=_find_resume(parts, roles),
            limits=limits,
            access_log=AccessLogMode(settings.http_access_log),
        )
    )
    parts.metrics.watch_in_flight(lambda: sidecar.in_flight)
    server = HttpServer(
        sidecar,
        Address(settings.http_host, settings.http_port, settings.http_tls_cert, settings.http_tls_key),
    )
    await server.start()
    if serves:
        parts.health.add(server.check)
    return server


def _find_resume(parts: Parts, roles: frozenset[Role]) -> Callable[[], None] | None:
    """What resumes the stream, where only those can ask for it who may."""
    return parts.breaker.let_pass if Role.STREAM in roles and _is_guarded(parts.settings) else None


def _is_guarded(settings: Settings) -> bool:
    """Whether what only administrators may do is kept from others, or open on purpose."""
    return bool(settings.http_tokens) or settings.http_auth == "none" or is_loopback(settings.http_host)


class StoreListing:
    """Implements `scoreline.http.models.ModelListing` for the served model."""

    def __init__(
        self,
        store: ModelStore,
        versions: LiveVersions,
        reloader: Reloader,
        compare_shadows: Callable[[], list[Comparison]],
    ) -> None:
        self._store = store
        self._versions = versions
        self._reloader = reloader
        self._compare_shadows = compare_shadows

    def list_versions(self) -> Mapping[str, Any]:
        """Every version of the model, its aliases, and which are loaded."""
        name = self._versions.name
        aliases, problem = self._read_aliases()
        resident = {v.version: v for v in self._versions.resident()}
        latest = self._reloader.latest
        return {
            "model": name,
            "live": {"alias": self._versions.alias, **self._versions.route.to_json()},
            "reload": {"outcome": latest.outcome, "detail": latest.detail or None},
            "aliases": {alias: route.to_json() for alias, route in aliases.items()},
            "problem": problem,
            "versions": [
                {
                    "version": number,
                    "aliases": sorted(alias for alias, route in aliases.items() if number in route.versions),
                    "loaded": number in resident,
                    "engine": resident[number].model.engine if number in resident else None,
                }
                for number in self._store.versions(name)
            ],
            "shadows": [_describe(each) for each in self._compare_shadows()],
        }

    def _read_aliases(self) -> tuple[Mapping[str, Route], str | None]:
        """What every alias means; where one is damaged, why nobody can say: all else is to be seen all the same."""
        try:
            return self._store.aliases(self._versions.name), None
        except ModelRejected as error:
            return {}, str(error)

    def show_version(self, selector: str) -> Mapping[str, Any]:
        """The manifest of one version; of an alias that several answer, which they are."""
        route = self._versions.find_route(selector)
        if route.only is None:
            return {"name": self._versions.name, "alias": selector, **route.to_json()}
        manifest = self._store.manifest(self._versions.name, route.only)
        shown: dict[str, Any] = msgspec.to_builtins(manifest)
        return shown


def _describe(comparison: Comparison) -> dict[str, Any]:
    quantiles = {str(q): value for q, value in zip(QUANTILES, comparison.quantiles, strict=True)}
    return {
        "version": comparison.version,
        "shadow": comparison.shadow,
        "count": comparison.count,
        "difference": {"mean": comparison.mean, "quantiles": quantiles},
        "agreement": comparison.agreement,
        "rank_correlation": comparison.rank_correlation,
    }
