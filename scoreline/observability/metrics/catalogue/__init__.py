"""All metrics that scoreline shows, declared once: name, type, unit, labels, meaning. Docs and tests read it here."""

from scoreline.observability.metrics.catalogue import drift, jobs, models, process, quality, requests, stream
from scoreline.observability.metrics.catalogue.declared import PREFIX, Declared, Type

__all__ = [
    "CATALOGUE",
    "PREFIX",
    "Declared",
    "Type",
    "drift",
    "format_table",
    "jobs",
    "models",
    "process",
    "quality",
    "requests",
    "stream",
]

CATALOGUE: tuple[Declared, ...] = (
    *stream.METRICS,
    *requests.METRICS,
    *models.METRICS,
    *jobs.METRICS,
    *drift.METRICS,
    *quality.METRICS,
    *process.METRICS,
)
"""In the order of exposition."""


def format_table() -> str:
    """The catalogue as a Markdown table, as docs/operations.md shows it."""
    rows = ["| metric | type | unit | meaning |", "| --- | --- | --- | --- |"]
    for metric in CATALOGUE:
        labels = "{" + ",".join(metric.labels) + "}" if metric.labels else ""
        rows.append(f"| `{metric.full_name}{labels}` | {metric.type} | {metric.unit or '-'} | {metric.meaning} |")
    return "\n".join(rows) + "\n"
