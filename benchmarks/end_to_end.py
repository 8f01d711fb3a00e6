"""The whole service on a real Kafka: records per CPU second, the share of each stage, memory against the backlog.

python -m benchmarks.end_to_end

Starts a broker of its own, puts a backlog of flights onto 4 partitions, starts `scoreline run` as a process and drains
it, first 100,000 records, then a million. CPU seconds are those of the service process with all its threads, from the
first to the last record; resident memory is its peak.
"""

import json
import urllib.request
from collections.abc import Mapping

from benchmarks.answers import check_answers
from benchmarks.bounds import Bounds
from benchmarks.deployment import Deployment, deploy
from benchmarks.draining import Drained, Position, watch_drain
from benchmarks.flights import Flights, load
from benchmarks.usage import peak_mib

FLIGHTS = 20_000
BACKLOGS = (100_000, 1_000_000)
STAGES = ("poll", "decode", "predict", "encode", "publish", "commit")
GROWTH_LIMIT = 1.10


def drain(
    deployment: Deployment, flights: Flights, backlog: int, variables: Mapping[str, str] | None = None
) -> tuple[Drained, float, dict[str, float]]:
    """Put a backlog, start the service, wait until all of it is scored.

    Args:
        variables: of the service, beside those of the deployment.

    Returns:
        What that took, the peak of its memory in MiB, and seconds by stage.
    """
    inputs, written = deployment.make_topic("features"), deployment.make_written()
    deployment.fill(inputs, flights.payloads, backlog)
    name = f"service-{backlog}"
    service = deployment.make_service(name, inputs, written, variables)
    transactional = (variables or {}).get("DELIVERY") == "exactly-once"
    with (
        Position(deployment.bootstrap_servers, name, inputs, [written.outputs, written.dead_letters]) as position,
        service.start(),
    ):
        drained = watch_drain(service, position, backlog, transactional=transactional)
        memory = peak_mib(service.pid)
        with urllib.request.urlopen(f"{service.url}/stats", timeout=10) as answer:
            stages = json.load(answer)["stream"]["stages"]
        assert service.terminate() == 0
    check_answers(deployment.bootstrap_servers, written.outputs, flights, backlog)
    deployment.topics.delete_all()
    return drained, memory, {s: stages[s]["mean_seconds"] * stages[s]["count"] for s in STAGES}


def main() -> None:
    """Print the table; fail where memory grows with the backlog."""
    flights = load(FLIGHTS)
    with deploy({"flights": flights.booster}) as deployment:
        results = {backlog: drain(deployment, flights, backlog) for backlog in BACKLOGS}
    for backlog, (drained, memory, seconds) in results.items():
        total = sum(seconds.values())
        shares = "  ".join(f"{stage} {spent / total:.0%}" for stage, spent in seconds.items())
        print(
            f"{backlog:>9,} records: {drained.per_cpu_second:,.0f} per CPU second, {drained.per_second:,.0f} per "
            f"second, {drained.cpu_seconds / drained.wall_seconds:.2f} cores busy, peak {memory:.0f} MiB\n"
            f"          {shares}"
        )
    small, large = (results[backlog][1] for backlog in BACKLOGS)
    bounds = Bounds()
    bounds.at_most("peak memory, a million against 100,000", large / small, GROWTH_LIMIT)
    bounds.conclude()


if __name__ == "__main__":
    main()
