"""What `scoreline check` looks at for batch jobs: their topics, group, permissions, and how each fits."""

import uuid
from collections.abc import Collection, Mapping

from scoreline.cli.findings import Findings, State
from scoreline.cli.job_topics import JOB_KINDS, find_job_misfits, job_schemas
from scoreline.config.librdkafka import producer_properties
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.errors import Refused, ServiceError
from scoreline.kafka.cluster.admin import KafkaAdmin, TopicDescription, find_forbidden
from scoreline.kafka.jobs.chunk_deliveries import fit_transactions
from scoreline.kafka.publishing.transactional_id import check_transactional_id
from scoreline.schemas.configured import open_catalog


def check_jobs(
    settings: Settings,
    roles: Collection[Role],
    admin: KafkaAdmin | None,
    findings: Findings,
    *,
    group_id: str | None,
) -> None:
    """Look at what the roles need of Kafka for batch jobs: the http role submits and reads them, the jobs role works.

    A sidecar answers without them, so what the http role alone lacks is a warning.

    Args:
        admin: None where no broker was reached.
        group_id: of the stream; None where there is no model to name it after.
    """
    read, written = _list_needed(settings, roles)
    _check_topics(settings, read, written, admin, findings, must=Role.JOBS in roles)
    findings.ask("job schemas", lambda: _find_ids(settings))
    if Role.JOBS not in roles or admin is None or group_id is None:
        return
    forbidden = admin.find_forbidden_group(f"{group_id}-jobs")
    if forbidden is None:
        findings.note("jobs' consumer group", f"{group_id}-jobs")
    else:
        findings.fail("jobs' consumer group", Refused(forbidden))

    def ask() -> tuple[None, str]:
        check_transactional_id(fit_transactions(producer_properties(settings)), f"{group_id}-jobs-check-{uuid.uuid4()}")
        return None, f"{group_id}-jobs-…: may be used"

    findings.ask("jobs' transactional id", ask)


def _list_needed(settings: Settings, roles: Collection[Role]) -> tuple[list[str], list[str]]:
    """Topics that have to be readable, and writable."""
    read, written = {settings.job_events_topic}, set[str]()
    if Role.HTTP in roles:
        read.add(settings.job_results_topic)
        written |= {settings.jobs_topic, settings.jobs_bulk_topic, settings.job_events_topic}
    if Role.JOBS in roles:
        read |= {settings.jobs_topic, settings.jobs_bulk_topic}
        written |= {settings.job_results_topic, settings.job_events_topic, settings.jobs_dead_letter_topic}
    return sorted(read), sorted(written)


def _check_topics(
    settings: Settings,
    read: list[str],
    written: list[str],
    admin: KafkaAdmin | None,
    findings: Findings,
    *,
    must: bool,
) -> None:
    names = (
        settings.jobs_topic,
        settings.jobs_bulk_topic,
        settings.job_results_topic,
        settings.job_events_topic,
        settings.jobs_dead_letter_topic,
    )
    items = {f"topic of {kind}": name for kind, name in zip(JOB_KINDS, names, strict=True) if name in {*read, *written}}
    if admin is None:
        for item, name in items.items():
            findings.note(item, f"{name}: not looked at without a broker", State.SKIPPED)
        return
    found: Mapping[str, TopicDescription]
    try:
        found = admin.describe_topics(names)
    except ServiceError as error:
        findings.fail("topics of jobs", error)
        return
    forbidden = dict(find_forbidden(found, read=read, written=written))
    for item, name in items.items():
        missing = f"{name} does not exist; create it with `scoreline topics create`"
        trouble = forbidden.get(name) or (None if name in found else missing)
        if trouble is None:
            findings.note(item, f"{name}: partitions: {found[name].partitions}")
        elif must:
            findings.fail(item, Refused(trouble))
        else:
            findings.note(item, f"{trouble}; without it /batch answers 503", State.WARNING)
    seen = {name: topic for name, topic in found.items() if not topic.hidden}
    for name, misfit in find_job_misfits(settings, seen).items():
        findings.note("topics of jobs", f"{name}: {misfit}", State.WARNING)


def _find_ids(settings: Settings) -> tuple[None, str]:
    """Whether what jobs are written with can be named; a registry is only asked for what it has, nothing is made."""
    if settings.schema_registry_url is not None and settings.schema_auto_register:
        return None, "registered when they are first needed"
    catalog = open_catalog(settings)
    ids = {catalog.id_of_output(subject, schema) for subject, schema in job_schemas(settings).items()}
    return None, f"they have the ids {', '.join(map(str, sorted(ids)))}"
