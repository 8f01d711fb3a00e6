"""What no loop can be faster than with this client and this model: records in, one `predict` on a matrix that is
there already, constant bytes out, commits without waiting.
"""

import time

import lightgbm as lgb
import numpy as np
from confluent_kafka import KafkaError, KafkaException, Message

from benchmarks.handwritten import Work, make_consumer, make_producer

BATCH = 2048
WAIT_SECONDS = 0.1
COMMIT_SECONDS = 0.1
OUTPUT = bytes(100)


def run(work: Work, matrix: np.ndarray) -> None:
    """Child process: loop until killed.

    Args:
        matrix: at least as many rows as a batch may have; other rows for each batch, so that none is foreseen.
    """
    booster = lgb.Booster(model_file=str(work.model))

    def fail(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            raise KafkaException(error)

    consumer, producer = make_consumer(work), make_producer(work, fail)
    produce, topic = producer.produce, work.output_topic
    due_at, at = time.monotonic(), 0
    while True:
        messages = consumer.consume(BATCH, WAIT_SECONDS)
        if not messages:
            continue
        at = at + BATCH if at + 2 * BATCH <= len(matrix) else 0
        booster.predict(matrix[at : at + len(messages)], num_threads=1)
        for message in messages:
            produce(topic, OUTPUT, message.key(), message.partition())
        producer.flush()
        if time.monotonic() > due_at:
            due_at = time.monotonic() + COMMIT_SECONDS
            consumer.commit(asynchronous=True)
