"""The whole service on a real Kafka: records per CPU second, the share of each stage, memory against the backlog.

python -m benchmarks.end_to_end

Starts a broker of its own, puts a backlog of flights onto 4 partitions, starts `scoreline run` as a process and drains
it, first 100,000 records, then a million. CPU seconds are those of the service process with all its threads, from the
first to the last record; resident memory is its peak.
"""

import io
import json
import os
import tempfile
import time
import urllib.request
from pathlib import Path

import fastavro

from benchmarks.flights import Flights, load
from scoreline.demo.flights import flight_schema
from scoreline.local.broker import KafkaBroker
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.folder import write_schema
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.service import ServiceProcess
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

FLIGHTS = 20_000
BACKLOGS = (100_000, 1_000_000)
PARTITIONS = 4
TICKS = os.sysconf("SC_CLK_TCK")
STAGES = ("poll", "decode", "predict", "encode", "publish", "commit")
GROWTH_LIMIT = 1.10


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid: int) -> float:
    """Peak resident memory of a process."""
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def get_stats(service: ServiceProcess) -> dict:
    """What the service counts of its stream."""
    with urllib.request.urlopen(f"{service.url}/stats", timeout=10) as answer:
        return json.load(answer)["stream"]


def drain(broker: KafkaBroker, folder: Path, flights: Flights, backlog: int) -> dict:
    """Put a backlog, start the service, wait until all of it is scored; what that took."""
    topics = Topics(broker.bootstrap_servers)
    labels = ("features", "predictions", "dead-letters", "redrive")
    names = [topics.make(label, partitions=PARTITIONS) for label in labels]
    records = (
        StoredRecord("", n % PARTITIONS, 0, b"%d" % (n % 1000), flights.payloads[n % FLIGHTS]) for n in range(backlog)
    )
    produce_records(broker.bootstrap_servers, names[0], records)
    service = ServiceProcess(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "MODEL_STORE": str(folder / "models"),
            "CACHE_DIR": str(folder / "cache"),
            "SCHEMA_DIR": str(folder / "schemas"),
            "INPUT_TOPIC": names[0],
            "OUTPUT_TOPIC": names[1],
            "DEAD_LETTER_TOPIC": names[2],
            "REDRIVE_TOPIC": names[3],
            "ID_FIELD": "id",
        },
        folder,
        name=f"service-{backlog}",
    )
    with service.start():
        service.await_ready()
        before, count_before, began = cpu_seconds(service.pid), get_stats(service)["records"]["total"], time.monotonic()
        while (stats := get_stats(service))["records"]["total"] < backlog:
            assert service.running, service.last_words()
            time.sleep(0.1)
        spent, took = cpu_seconds(service.pid) - before, time.monotonic() - began
        scored = backlog - count_before
        memory = peak_mib(service.pid)
        assert service.terminate() == 0
    check(broker, names[1], flights, backlog)
    topics.delete_all()
    seconds = {s: stats["stages"][s]["mean_seconds"] * stats["stages"][s]["count"] for s in STAGES}
    return {"cpu": scored / spent, "wall": scored / took, "busy": spent / took, "memory": memory, "seconds": seconds}


def check(broker: KafkaBroker, topic: str, flights: Flights, backlog: int) -> None:
    """Every record was answered, with the bits that `Booster.predict` gives for its row."""
    expected = flights.booster.predict(flights.matrix, num_threads=1)
    position = {name: i for i, name in enumerate(flights.ids)}
    outputs = read_records(broker.bootstrap_servers, topic, at_least=backlog, within_seconds=120)
    assert len(outputs) == backlog
    for record in outputs[:: max(1, backlog // 20_000)]:
        found = fastavro.schemaless_reader(io.BytesIO(record.value()[5:]), prediction_schema(), None)
        assert found["prediction"] == expected[position[found["id"]]]


def main() -> None:
    """Print the table; fail where memory grows with the backlog."""
    flights = load(FLIGHTS)
    with tempfile.TemporaryDirectory(prefix="scoreline-benchmark-") as name, KafkaBroker() as broker:
        folder = Path(name)
        text = flights.booster.model_to_string().encode()
        store = ModelStore(str(folder / "models"))
        publish(store, Publication(name="flights", text=text, by="benchmark", alias="production"))
        write_schema(folder / "schemas", "features-value", flight_schema())
        results = {backlog: drain(broker, folder, flights, backlog) for backlog in BACKLOGS}
    for backlog, result in results.items():
        total = sum(result["seconds"].values())
        shares = "  ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in result["seconds"].items())
        print(
            f"{backlog:>9,} records: {result['cpu']:,.0f} per CPU second, {result['wall']:,.0f} per second, "
            f"{result['busy']:.2f} cores busy, peak {result['memory']:.0f} MiB\n          {shares}"
        )
    small, large = (results[backlog]["memory"] for backlog in BACKLOGS)
    print(f"peak memory, a million against 100,000: {large / small:.3f}")
    assert large / small <= GROWTH_LIMIT, "resident memory grows with the backlog"


if __name__ == "__main__":
    main()
