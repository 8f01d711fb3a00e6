"""What is wrong between names of topics, and sizes of what they carry, that are each right alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoreline.config.kinds import MAX_TOPIC_LENGTH

if TYPE_CHECKING:
    from scoreline.config.settings import Settings

LARGEST_MESSAGE_BYTES = 64_000_000
"""What the producers take as delivered; topics are free to allow less."""

CHUNK_HEADROOM_BYTES = 256 * 1024
"""What a chunk of a job may have beside its lines: ids, and names of features of other versions."""


def find_shared_topics(settings: Settings) -> str | None:
    """Topics that are one, and may not be."""
    topics = {
        "SCORELINE_INPUT_TOPIC": settings.input_topic,
        "SCORELINE_OUTPUT_TOPIC": settings.output_topic,
        "SCORELINE_DEAD_LETTER_TOPIC": settings.dead_letter_topic,
        "SCORELINE_REDRIVE_TOPIC": settings.redrive_topic,
        "SCORELINE_DEAD_LETTER_TOPIC with .redriven": settings.redriven_topic,
        "SCORELINE_OUTPUT_TOPIC with .shadow": settings.shadow_topic,
        "SCORELINE_JOBS_TOPIC": settings.jobs_topic,
        "SCORELINE_JOBS_BULK_TOPIC": settings.jobs_bulk_topic,
        "SCORELINE_JOB_RESULTS_TOPIC": settings.job_results_topic,
        "SCORELINE_JOB_EVENTS_TOPIC": settings.job_events_topic,
        "SCORELINE_DRIFT_EVENTS_TOPIC": settings.drift_events_topic,
        "SCORELINE_JOBS_TOPIC with .dead-letters": settings.jobs_dead_letter_topic,
    }
    if settings.labels_topic is not None:
        topics["SCORELINE_LABELS_TOPIC"] = settings.labels_topic
    shared = [name for name, topic in topics.items() if list(topics.values()).count(topic) > 1]
    if not shared:
        return None
    alike = [name for name in shared if topics[name] == topics[shared[0]]]
    return f"{' and '.join(alike)} name the same topic ({topics[shared[0]]}); each has to have its own"


def find_long_dead_letter_topic(settings: Settings) -> str | None:
    """A name that is made from another one, and gets too long."""
    if len(settings.dead_letter_topic) > MAX_TOPIC_LENGTH:
        return (
            f"SCORELINE_INPUT_TOPIC is so long that {settings.dead_letter_topic} is no topic's name; "
            "set SCORELINE_DEAD_LETTER_TOPIC"
        )
    if len(settings.redriven_topic) > MAX_TOPIC_LENGTH:
        return (
            f"SCORELINE_DEAD_LETTER_TOPIC is so long that {settings.redriven_topic}, where redrives are noted, is no "
            "topic's name; set a shorter one"
        )
    return None


def find_long_redrive_topic(settings: Settings) -> str | None:
    """As for dead letters."""
    if len(settings.redrive_topic) > MAX_TOPIC_LENGTH:
        return (
            f"SCORELINE_INPUT_TOPIC is so long that {settings.redrive_topic} is no topic's name; "
            "set SCORELINE_REDRIVE_TOPIC"
        )
    return None


def find_long_shadow_topic(settings: Settings) -> str | None:
    """As for dead letters."""
    if len(settings.shadow_topic) > MAX_TOPIC_LENGTH:
        return (
            f"SCORELINE_OUTPUT_TOPIC is so long that {settings.shadow_topic}, where predictions of shadows go, is no "
            "topic's name; set a shorter one"
        )
    return None


def find_long_jobs_topic(settings: Settings) -> str | None:
    """As for dead letters."""
    if len(settings.jobs_dead_letter_topic) > MAX_TOPIC_LENGTH:
        return (
            f"SCORELINE_JOBS_TOPIC is so long that {settings.jobs_dead_letter_topic}, where unreadable chunks go, is "
            "no topic's name; set a shorter one"
        )
    if len(settings.jobs_bulk_topic) > MAX_TOPIC_LENGTH:
        return (
            f"SCORELINE_JOBS_TOPIC is so long that {settings.jobs_bulk_topic} is no topic's name; "
            "set SCORELINE_JOBS_BULK_TOPIC"
        )
    return None


def find_large_lines(settings: Settings) -> str | None:
    """A line of a job that no producer would take: a line is never cut, so it is one message at the least."""
    asked = {**settings.client_properties.every, **settings.client_properties.producer}
    largest = int(asked.get("message.max.bytes", LARGEST_MESSAGE_BYTES))
    needed = settings.jobs_max_line_bytes + CHUNK_HEADROOM_BYTES
    if needed <= largest:
        return None
    return (
        f"SCORELINE_JOBS_MAX_LINE_BYTES={int(settings.jobs_max_line_bytes)} needs messages of up to {needed} bytes, "
        f"but the producers take {largest} (SCORELINE_PRODUCER_MESSAGE_MAX_BYTES); lower the one or raise the other"
    )
