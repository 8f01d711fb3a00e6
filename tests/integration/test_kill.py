"""`kill -9` of the service at random moments under load."""

import bisect
import random
import threading
import time
from collections import Counter

import pytest

from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.predictions import decode_prediction

KILLS = 10
PARTITIONS = 4
PER_SECOND = 3000
BATCH_MAX_RECORDS = 512
COMMIT_INTERVAL_MS = 100

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


class Load:
    """Produces the same flights under running numbers, at a steady rate, until it is stopped."""

    def __init__(self, deployment, rows):
        self._deployment, self._rows = deployment, rows
        self._stop = threading.Event()
        self.sent = []
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        started = time.monotonic()
        while not self._stop.wait(0.05):
            due = range(len(self.sent), int((time.monotonic() - started) * PER_SECOND))
            values = [self._deployment.encoder.encode({**self._rows[n % len(self._rows)], "id": str(n)}) for n in due]
            records = [StoredRecord("", n % PARTITIONS, 0, b"%d" % n, v) for n, v in zip(due, values, strict=True)]
            produce_records(self._deployment.bootstrap_servers, self._deployment.input_topic, records)
            self.sent.extend(due)


def most_within(timestamps_ms, window_ms):
    """The most records that were published within any window of that length."""
    ordered = sorted(timestamps_ms)
    return max(i + 1 - bisect.bisect_left(ordered, at - window_ms) for i, at in enumerate(ordered))


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
    with Load(deployment, rows) as load:
        for _ in range(KILLS):
            deployment.service.start().await_ready()
            time.sleep(moments.uniform(0.0, 1.0))
            deployment.service.kill()
    deployment.service.start().await_ready()
    outputs = read_records(
        deployment.bootstrap_servers, deployment.output_topic, at_least=len(load.sent), within_seconds=60
    )
    seen = Counter()
    first_offsets = {p: [] for p in range(PARTITIONS)}
    for record in outputs:
        prediction = decode_prediction(record)
        number = int(prediction["id"])
        if not seen[number]:
            first_offsets[record.partition()].append(prediction["source_offset"])
        seen[number] += 1
        assert prediction["prediction"] == streamed_flights.expected[number % len(rows)]
    assert set(load.sent) == set(seen), f"{len(set(load.sent) - set(seen))} records were lost"
    assert all(offsets == sorted(offsets) for offsets in first_offsets.values())
    doubled = sum(seen.values()) - len(seen)
    interval = most_within([r.timestamp()[1] for r in outputs], COMMIT_INTERVAL_MS)
    print(f"{len(seen)} records, {KILLS} kills, {doubled} doubled, at most {interval} in a commit interval")
    assert doubled <= KILLS * (interval + BATCH_MAX_RECORDS)
    assert deployment.service.terminate() == 0
