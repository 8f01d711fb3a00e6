"""What the topics of batch jobs should be, and where one of them is less than that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoreline.config.topic_conflicts import CHUNK_HEADROOM_BYTES
from scoreline.jobs.chunk import MOST_BYTES

if TYPE_CHECKING:
    from scoreline.config.settings import Settings
    from scoreline.kafka.cluster.admin import TopicDescription
    from scoreline.schemas.catalog import ParsedSchema

JOB_KINDS = ("jobs", "bulk jobs", "job results", "job events", "jobs' dead letters")
"""What the topics of a plan are for, in its order."""

HEADER_BYTES = 16 * 1024
RESULT_BYTES = 4 * 1024 * 1024
"""A result is about a mebibyte, unless most rows of a chunk are bad and a lot is to be said about each."""

RESULTS_KEPT_MS = 7 * 24 * 3_600_000
LETTERS_KEPT_MS = 14 * 24 * 3_600_000
COMPACTION_LAG_MS = 3_600_000
"""Compaction finds little, because keys differ; but what is new is read by everyone, and may be left alone."""

EVENT_SEGMENT_MS = 24 * 3_600_000
"""What is written is deleted a segment at a time: events of a quiet cluster should not stay for ever."""


def plan_job_topics(
    settings: "Settings", *, partitions: int, replication_factor: int = -1
) -> "tuple[TopicDescription, ...]":
    """One topic for each of `JOB_KINDS`.

    A chunk waits as long as results are kept: one that retention takes before it is scored leaves its job unfinished.

    Args:
        partitions: of all of them; no more workers than that can work at once.
    """
    from scoreline.kafka.cluster.admin import TopicDescription

    chunk_bytes = max(MOST_BYTES, int(settings.jobs_max_line_bytes)) + CHUNK_HEADROOM_BYTES
    chunks = {
        "cleanup.policy": "delete",
        "max.message.bytes": str(chunk_bytes),
        "retention.ms": str(RESULTS_KEPT_MS),
    }
    results = {
        "cleanup.policy": "delete",
        "max.message.bytes": str(RESULT_BYTES),
        "retention.ms": str(RESULTS_KEPT_MS),
    }
    events = {
        "cleanup.policy": "compact,delete",
        "retention.ms": str(2 * RESULTS_KEPT_MS),
        "min.compaction.lag.ms": str(COMPACTION_LAG_MS),
        "segment.ms": str(EVENT_SEGMENT_MS),
    }
    letters = {
        "cleanup.policy": "delete",
        "max.message.bytes": str(chunk_bytes + HEADER_BYTES),
        "retention.ms": str(LETTERS_KEPT_MS),
    }
    named = {
        settings.jobs_topic: chunks,
        settings.jobs_bulk_topic: chunks,
        settings.job_results_topic: results,
        settings.job_events_topic: events,
        settings.jobs_dead_letter_topic: letters,
    }
    return tuple(TopicDescription(name, partitions, replication_factor, configs) for name, configs in named.items())


def find_job_misfits(settings: "Settings", found: "Mapping[str, TopicDescription]") -> dict[str, str]:
    """What is less than it should be of the topics that are there, by name; what fits, or may not be seen, is not."""
    notes: dict[str, list[str]] = {name: [] for name in found}
    for wanted in plan_job_topics(settings, partitions=-1):
        topic = found.get(wanted.name)
        if topic is None:
            continue
        size, needed = read_number(topic.configs, "max.message.bytes"), read_number(wanted.configs, "max.message.bytes")
        if size is not None and needed is not None and size < needed:
            notes[wanted.name].append(f"max.message.bytes is {size}, but up to {needed} may be needed")
        if "compact" in topic.configs.get("cleanup.policy", "") and "compact" not in wanted.configs["cleanup.policy"]:
            notes[wanted.name].append("it is compacted: of records with one key only the last is kept")
    events, results = found.get(settings.job_events_topic), found.get(settings.job_results_topic)
    if events is not None:
        if events.configs.get("cleanup.policy") == "compact":
            notes[events.name].append("it is only compacted: it grows with every job, and all of it is read at a start")
        kept = read_number(events.configs, "retention.ms")
        results_kept = None if results is None else read_number(results.configs, "retention.ms")
        if kept is not None and results_kept is not None and not _is_longer(kept, results_kept):
            notes[events.name].append(
                f"retention.ms is {kept}, that of results {results_kept}: keep events twice as long, or jobs are "
                "forgotten whose results are still there"
            )
    return {name: "; ".join(lines) for name, lines in notes.items() if lines}


def job_schemas(settings: "Settings") -> "dict[str, ParsedSchema]":
    """The schema of each topic of jobs that has one, by its subject."""
    from scoreline.schemas.fixed import JOB_CHUNK_ID, JOB_EVENT_ID, JOB_RESULT_ID, load_fixed

    return {
        f"{settings.jobs_topic}-value": load_fixed(JOB_CHUNK_ID),
        f"{settings.jobs_bulk_topic}-value": load_fixed(JOB_CHUNK_ID),
        f"{settings.job_results_topic}-value": load_fixed(JOB_RESULT_ID),
        f"{settings.job_events_topic}-value": load_fixed(JOB_EVENT_ID),
    }


def read_number(configs: Mapping[str, str], name: str) -> int | None:
    """A whole number of a topic's configuration; None where it is not there, or may not be seen."""
    text = configs.get(name, "")
    return int(text) if text.lstrip("-").isdigit() else None


def _is_longer(kept_ms: int, other_ms: int) -> bool:
    """Whether the first retention outlasts the second by far; negative is for ever."""
    return kept_ms < 0 or (other_ms >= 0 and kept_ms >= 2 * other_ms)
