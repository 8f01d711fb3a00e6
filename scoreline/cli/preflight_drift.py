"""What `scoreline check` looks at for drift events: their topic, and whether it may be written to."""

from scoreline.cli.findings import Findings, State
from scoreline.config.settings import Settings
from scoreline.errors import Refused, ServiceError
from scoreline.kafka.cluster.admin import KafkaAdmin, find_forbidden


def check_drift_events(settings: Settings, admin: KafkaAdmin | None, findings: Findings, *, must: bool) -> None:
    """Look at the topic; a sidecar alone serves without it, so then what is wrong is a warning.

    Args:
        admin: None where no broker was reached.
        must: whether a role would not start without it.
    """
    item, name = "drift-events topic", settings.drift_events_topic
    if admin is None:
        findings.note(item, f"{name}: not looked at without a broker", State.SKIPPED)
        return
    try:
        found = admin.describe_topics([name])
    except ServiceError as error:
        findings.fail(item, error)
        return
    forbidden = dict(find_forbidden(found, read=(), written=(name,)))
    trouble = forbidden.get(name)
    if trouble is None and name not in found:
        trouble = f"{name} does not exist; create it with `scoreline topics create`"
    if trouble is None:
        findings.note(item, f"{name}: partitions: {found[name].partitions}")
    elif must:
        findings.fail(item, Refused(trouble))
    else:
        findings.note(item, f"{trouble}; without it drift is only told by the log, /metrics and /drift", State.WARNING)
