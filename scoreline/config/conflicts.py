"""What is wrong between settings that are each right alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from scoreline.config.properties import variable_suffix
from scoreline.config.roles import Role
from scoreline.config.topic_conflicts import (
    find_large_lines,
    find_long_dead_letter_topic,
    find_long_jobs_topic,
    find_long_redrive_topic,
    find_long_shadow_topic,
    find_shared_topics,
)

if TYPE_CHECKING:
    from scoreline.config.settings import Settings


class Check(NamedTuple):
    """One rule.

    Attributes:
        fields: that it looks at; it is skipped while one of them has no valid value.
        find: what is wrong, None where nothing is.
        roles: those that it is for; none where it always holds.
    """

    fields: tuple[str, ...]
    find: Callable[[Settings], str | None]
    roles: frozenset[Role] = frozenset()


def find_conflicts(settings: Settings, roles: Collection[Role], *, unknown: Collection[str]) -> list[str]:
    """Every rule that the settings break.

    Args:
        roles: that the process will play.
        unknown: fields whose value could not be validated.
    """
    applicable = [c for c in CHECKS if not c.roles or c.roles & set(roles)]
    found = [c.find(settings) for c in applicable if not set(c.fields) & set(unknown)]
    return [problem for problem in found if problem is not None]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on this address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _find_missing_broker(settings: Settings) -> str | None:
    if settings.kafka_bootstrap_servers is None:
        return "SCORELINE_KAFKA_BOOTSTRAP_SERVERS is not set; expected the brokers as host:port,host:port"
    return None


def _find_open_door(settings: Settings) -> str | None:
    if settings.http_tokens or settings.http_auth == "none" or is_loopback(settings.http_host):
        return None
    return (
        f"SCORELINE_HTTP_HOST={settings.http_host} is reachable from other machines, and nothing is asked of a caller; "
        "set SCORELINE_HTTP_TOKENS=predict:TOKEN, or SCORELINE_HTTP_AUTH=none if something in front does"
    )


def _find_idle_tokens(settings: Settings) -> str | None:
    if settings.http_tokens and settings.http_auth == "none":
        return "SCORELINE_HTTP_TOKENS is set, but SCORELINE_HTTP_AUTH=none would ask for none of them; keep one"
    return None


def _find_metrics_without_token(settings: Settings) -> str | None:
    if settings.metrics_auth == "token" and not settings.http_tokens:
        return "SCORELINE_METRICS_AUTH=token needs a token; set SCORELINE_HTTP_TOKENS=predict:TOKEN"
    return None


def _find_half_tls(settings: Settings) -> str | None:
    if (settings.http_tls_cert is None) != (settings.http_tls_key is None):
        return "SCORELINE_HTTP_TLS_CERT and SCORELINE_HTTP_TLS_KEY belong together; set both"
    return None


def _find_static_stranger(settings: Settings) -> str | None:
    if settings.static_membership and settings.member_id is None:
        return (
            "SCORELINE_STATIC_MEMBERSHIP=true needs a name that this member has again after a restart, and no other "
            "has; set SCORELINE_MEMBER_ID"
        )
    return None


def _find_settings_of_the_broker(settings: Settings) -> str | None:
    """What the new group protocol has taken from its members."""
    asked = {**settings.client_properties.every, **settings.client_properties.consumer}
    given = [name for name in BROKERS_OWN if name in asked]
    if asked.get("group.protocol") != "consumer" or not given:
        return None
    names = ", ".join(f"SCORELINE_CONSUMER_{variable_suffix(name)}" for name in given)
    return (
        f"{names}: under the group protocol `consumer` the broker decides (the group's configurations "
        "consumer.session.timeout.ms and consumer.heartbeat.interval.ms, and group.remote.assignor); unset it, or "
        "unset SCORELINE_CONSUMER_GROUP_PROTOCOL"
    )


def _find_half_credentials(settings: Settings) -> str | None:
    if (settings.schema_registry_username is None) != (settings.schema_registry_password is None):
        return "SCORELINE_SCHEMA_REGISTRY_USERNAME and SCORELINE_SCHEMA_REGISTRY_PASSWORD belong together; set both"
    return None


def _find_two_credentials(settings: Settings) -> str | None:
    if settings.schema_registry_token is not None and settings.schema_registry_username is not None:
        return "SCORELINE_SCHEMA_REGISTRY_TOKEN and SCORELINE_SCHEMA_REGISTRY_USERNAME are both set; keep one"
    return None


def _find_credentials_for_nobody(settings: Settings) -> str | None:
    given = [f for f in _CREDENTIALS if getattr(settings, f) is not None]
    if settings.schema_registry_url is None and given:
        return f"{', '.join(f'SCORELINE_{f.upper()}' for f in given)}: needs SCORELINE_SCHEMA_REGISTRY_URL as well"
    return None


def _find_registry_for_single_objects(settings: Settings) -> str | None:
    if settings.input_format == "single-object" and settings.schema_registry_url is not None:
        return (
            "SCORELINE_INPUT_FORMAT=single-object takes its schemas from SCORELINE_SCHEMA_DIR only; "
            "remove SCORELINE_SCHEMA_REGISTRY_URL"
        )
    return None


def _find_nobody_who_gives_tokens(settings: Settings) -> str | None:
    every = settings.client_properties.every
    mechanism = every.get("sasl.mechanism", every.get("sasl.mechanisms", ""))
    fetched = every.get("sasl.oauthbearer.method", "default").lower() == "oidc"
    made = every.get("enable.sasl.oauthbearer.unsecure.jwt", "false").lower() == "true"
    if mechanism.upper() != "OAUTHBEARER" or fetched or made:
        return None
    return (
        "SCORELINE_KAFKA_SASL_MECHANISM=OAUTHBEARER: nothing gives a token; set "
        "SCORELINE_KAFKA_SASL_OAUTHBEARER_METHOD=oidc with the address of what does"
    )


def _find_missing_compiler(settings: Settings) -> str | None:
    if settings.model_engine != "compiled" or all(map(find_spec, COMPILER_PACKAGES)):
        return None
    return "SCORELINE_MODEL_ENGINE=compiled needs an extra: pip install 'scoreline[compiled]'"


def _find_missing_tracer(settings: Settings) -> str | None:
    if settings.traces == "none" or all(map(_is_installed, TRACING_MODULES)):
        return None
    return f"SCORELINE_TRACES={settings.traces} needs an extra: pip install 'scoreline[otel]'"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package that it would be in
        return False


TRACING_MODULES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")

COMPILER_PACKAGES = ("lleaves", "llvmlite")
"""Looked for, but not imported: that costs memory in a process that may never compile."""

_CREDENTIALS = tuple(f"schema_registry_{part}" for part in ("username", "password", "token", "ca"))

BROKERS_OWN = ("session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "group.protocol.type")
"""Properties of a member of the classic protocol."""

KAFKA_ROLES = frozenset({Role.STREAM, Role.JOBS})

TOPICS = (
    "input_topic",
    "output_topic",
    "dead_letter_topic",
    "redrive_topic",
    "jobs_topic",
    "jobs_bulk_topic",
    "job_results_topic",
    "job_events_topic",
    "drift_events_topic",
    "labels_topic",
)

CHECKS = (
    Check(("kafka_bootstrap_servers",), _find_missing_broker, KAFKA_ROLES),
    Check(("static_membership", "member_id"), _find_static_stranger, KAFKA_ROLES),
    Check((), _find_settings_of_the_broker, KAFKA_ROLES),
    Check(("http_host", "http_tokens", "http_auth"), _find_open_door, frozenset({Role.HTTP})),
    Check(("http_tokens", "http_auth"), _find_idle_tokens),
    Check(("http_tokens", "metrics_auth"), _find_metrics_without_token),
    Check(("http_tls_cert", "http_tls_key"), _find_half_tls),
    Check(TOPICS, find_shared_topics),
    Check(("input_topic", "dead_letter_topic"), find_long_dead_letter_topic),
    Check(("input_topic", "redrive_topic"), find_long_redrive_topic),
    Check(("output_topic",), find_long_shadow_topic),
    Check(("jobs_topic", "jobs_bulk_topic"), find_long_jobs_topic),
    Check(("jobs_max_line_bytes", "client_properties"), find_large_lines),
    Check(("schema_registry_username", "schema_registry_password"), _find_half_credentials),
    Check(("schema_registry_username", "schema_registry_token"), _find_two_credentials),
    Check(("schema_registry_url", *_CREDENTIALS), _find_credentials_for_nobody),
    Check(("model_engine",), _find_missing_compiler),
    Check(("traces",), _find_missing_tracer),
    Check(("input_format", "schema_registry_url"), _find_registry_for_single_objects),
    Check(("client_properties",), _find_nobody_who_gives_tokens),
)
