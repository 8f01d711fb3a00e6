"""The sidecar of every role: health and metrics always, predictions where the http role is among them."""

from collections.abc import Callable

from scoreline.config.conflicts import is_loopback
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.http.access_log import AccessLogMode
from scoreline.http.app import Dependencies, Sidecar
from scoreline.http.auth import check_binding
from scoreline.http.batch.routes import JobServing
from scoreline.http.limits import Limits
from scoreline.http.server import MOST_CONNECTIONS, SHARE_IN_HANDSHAKE, Address, HttpServer
from scoreline.http.serving import Serving
from scoreline.http.wire.descriptors import find_room
from scoreline.jobs.view import JobView
from scoreline.observability.tee import RequestTee
from scoreline.service.model_listing import StoreListing
from scoreline.service.parts import Parts
from scoreline.service.status_sources import find_status_sources


async def start_sidecar(
    parts: Parts, roles: frozenset[Role], jobs: JobServing | None, jobs_view: JobView | None = None
) -> HttpServer:
    """Listen, with the routes that the roles need.

    Args:
        jobs: what the routes of batch jobs work on; None without Kafka.
        jobs_view: what the status page shows of jobs; None where this process does not follow them.

    Raises:
        ConfigError: the address may not be listened on without a token.
        Refused: it is taken.
    """
    settings = parts.settings
    serves, guarded = Role.HTTP in roles, _is_guarded(settings)
    if serves:
        check_binding(settings.http_host, settings.http_tokens, open_on_purpose=settings.http_auth == "none")
    limits = Limits(
        max_body_bytes=settings.http_max_body_bytes,
        max_instances=settings.http_max_instances,
        max_concurrency=settings.http_max_concurrency,
        timeout_seconds=settings.http_timeout_seconds,
    )
    listing = StoreListing(parts.store, parts.versions, parts.reloader, parts.describe_engine, parts.compare_shadows)
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
                parts.follower.look_anew if guarded else None,
                parts.shadows,
                jobs,
                parts.drift.monitor,
            )
            if serves
            else None,
            status=find_status_sources(
                parts,
                roles,
                listing,
                guarded=guarded,
                jobs_view=jobs_view,
                read_drift=parts.drift.reader.read,
                read_quality=parts.stats.read_quality,
            ),
            tokens=settings.http_tokens,
            metrics_need_token=settings.metrics_auth == "token",
            resume_stream=_find_resume(parts, roles),
            limits=limits,
            read_drift=parts.drift.reader.read,
            access_log=AccessLogMode(settings.http_access_log),
            tracer=None if parts.traces is None else parts.traces.requests,
        )
    )
    parts.metrics.watch_in_flight(lambda: sidecar.in_flight)
    server = HttpServer(
        sidecar,
        Address(settings.http_host, settings.http_port, settings.http_tls_cert, settings.http_tls_key),
        most_connections=find_room(MOST_CONNECTIONS, more=SHARE_IN_HANDSHAKE),
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
