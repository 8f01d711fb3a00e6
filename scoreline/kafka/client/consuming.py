"""Reads what is there at once, and waits only when nothing is."""

from confluent_kafka import Consumer, KafkaError, Message


def consume_at_once(consumer: Consumer, most: int, timeout_seconds: float) -> list[Message]:
    """Up to so many messages, those with errors among them.

    The client's own `consume` waits until it has as many as were asked for, or the time is up.

    Raises:
        KafkaException: as `Consumer.consume`.
    """
    messages: list[Message] = consumer.consume(most, 0)
    if messages:
        return messages
    messages = consumer.consume(1, timeout_seconds)
    return [*messages, *consumer.consume(most - 1, 0)] if messages and most > 1 else messages


def concerns_group(error: KafkaError) -> bool:
    """Whether a consumer that is in no group tells of one: it looks for a coordinator all the same, and may not."""
    return error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
