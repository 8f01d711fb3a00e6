"""What spans of work on Kafka's records have in common, by OpenTelemetry's conventions for messaging."""

from collections.abc import Mapping

from opentelemetry.util.types import AttributeValue

WAITING = "poll"
"""The stage in which nothing was in hand yet."""


def describe_messages(
    topics: str, group_id: str, records: int, stage_seconds: Mapping[str, float]
) -> dict[str, AttributeValue]:
    """Attributes of a span about records that were consumed.

    Args:
        topics: their names, with commas between them where they are several.
    """
    told: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "score",
        "messaging.operation.type": "process",
        "messaging.destination.name": topics,
        "messaging.consumer.group.name": group_id,
        "messaging.batch.message_count": records,
    }
    for stage, seconds in stage_seconds.items():
        told[f"scoreline.stage.{stage}_seconds"] = seconds
    return told


def find_start_ns(end_ns: int, stage_seconds: Mapping[str, float]) -> int:
    """When work that has ended began, nanoseconds since the epoch: waiting for records is none."""
    worked = sum(seconds for stage, seconds in stage_seconds.items() if stage != WAITING)
    return end_ns - int(worked * 1e9)
