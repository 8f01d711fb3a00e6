"""`kill -9` of the service at random moments under load."""

import bisect
import random
import time
from collections import Counter, defaultdict

import pytest

from scoreline.testing.consume import await_committed, read_records
from scoreline.testing.load import Load
from tests.integration.predictions import decode_prediction

KILLS = 10
PARTITIONS = 4
PER_SECOND = 3000
BATCH_MAX_RECORDS = 512
COMMIT_INTERVAL_MS = 100

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def count_repeats(copies, kills):
    """How many records each kill had published again: the previous copy of each is of the life that the kill ended.

    Args:
        copies: by record, the moments at which its copies were published, in milliseconds, in offset order.
        kills: moments of the kills.
    """
    repeated = Counter()
    for moments in copies.values():
        for moment in moments[:-1]:
            repeated[bisect.bisect_left(kills, moment)] += 1
    return repeated


def published_within(published, end_ms, window_ms):
    """How many records were published in the window that ends at the last one before `end_ms`."""
    last = bisect.bisect_left(published, end_ms)
    return last - bisect.bisect_left(published, published[last - 1] - window_ms) if last else 0


def test_ten_kills_lose_nothing_and_repeat_at_most_a_commit_interval_and_a_batch_each(deploy, streamed_flights):
    """Every record that went in comes out with its bits; what came twice is within the bound."""
    moments = random.Random(20131031)
    deployment = deploy(
        partitions=PARTITIONS,
        BATCH_MAX_RECORDS=str(BATCH_MAX_RECORDS),
        COMMIT_INTERVAL_MS=str(COMMIT_INTERVAL_MS),
        CONSUMER_SESSION_TIMEOUT_MS="3000",
        CONSUMER_HEARTBEAT_INTERVAL_MS="500",
    )
    rows = streamed_flights.rows[:1000]
    kills = []
    load = Load(
        deployment.bootstrap_servers,
        deployment.input_topic,
        lambda number: deployment.encoder.encode({**rows[number % len(rows)], "id": str(number)}),
        partitions=PARTITIONS,
        per_second=PER_SECOND,
    )
    with load:
        for _ in range(KILLS):
            deployment.service.start().await_ready()
            time.sleep(moments.uniform(0.0, 1.0))
            deployment.service.kill()
            kills.append(time.time() * 1000)
    deployment.service.start().await_ready()
    await_committed(deployment.bootstrap_servers, f"group-{deployment.input_topic}", deployment.input_topic)
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=load.sent)
    copies = defaultdict(list)
    first_offsets = {p: [] for p in range(PARTITIONS)}
    for record in outputs:
        prediction = decode_prediction(record)
        number = int(prediction["id"])
        if not copies[number]:
            first_offsets[record.partition()].append(prediction["source_offset"])
        copies[number].append(record.timestamp()[1])
        assert prediction["prediction"] == streamed_flights.expected[number % len(rows)]
    sent = set(range(load.sent))
    assert sent == set(copies), f"{len(sent - set(copies))} records were lost"
    assert all(offsets == sorted(offsets) for offsets in first_offsets.values())
    published = sorted(record.timestamp()[1] for record in outputs)
    repeated = count_repeats(copies, kills)
    intervals = [published_within(published, kill, COMMIT_INTERVAL_MS) for kill in kills]
    print(f"{len(copies)} records; doubled by each kill: {[repeated[k] for k in range(KILLS)]}, intervals: {intervals}")
    assert all(repeated[k] <= intervals[k] + BATCH_MAX_RECORDS for k in range(KILLS))
    assert not repeated[KILLS], "nothing is doubled without a kill"
    assert deployment.service.terminate() == 0
