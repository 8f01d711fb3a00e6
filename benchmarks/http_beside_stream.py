"""`POST /predict` while the stream role drains a backlog at full speed in the same deployment, against an idle one.

Callers are elsewhere: where that is allowed, the load runs before everything else on the machine. The broker is not,
and takes from the service what it needs of the processor.
"""

import os
import statistics
import threading

import numpy as np
import numpy.typing as npt

from benchmarks.deployment import Deployment, deploy
from benchmarks.draining import Position, watch_drain
from benchmarks.flights import Flights
from benchmarks.http_load import ask_at_rate, before_all_others
from benchmarks.http_servers import quantile_ms
from benchmarks.http_work import Work, make_work

RATE = 200
ROUND_SECONDS = 2.0
IDLE_ROUNDS = 3
BACKLOG = 700_000


def measure_beside_stream(flights: Flights) -> float:
    """The 99th percentile beside a backlog over that without one; both are printed."""
    # The whole machine: a deployment is not pinned.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    with deploy({"flights": flights.booster}) as deployment:
        return _measure(deployment, flights, make_work(flights))


def _measure(deployment: Deployment, flights: Flights, work: Work) -> float:
    inputs, written = deployment.make_topic("features"), deployment.make_written()
    name = "beside-stream"
    with (
        deployment.make_service(name, inputs, written).start() as service,
        Position(deployment.bootstrap_servers, name, inputs, [written.outputs, written.dead_letters]) as position,
    ):
        service.await_ready()

        def ask() -> npt.NDArray[np.float64]:
            with before_all_others():
                return ask_at_rate(work, service.port, RATE, ROUND_SECONDS)

        ask()
        idle = [ask() for _ in range(IDLE_ROUNDS)]
        drained: list[float] = []

        def watch() -> None:
            found = watch_drain(service, position, BACKLOG, transactional=False)
            drained.append(found.per_second)

        # The service is frozen while the backlog is written, and begins to drain with the first request.
        service.freeze()
        try:
            deployment.fill(inputs, flights.payloads, BACKLOG)
        finally:
            service.thaw()
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        busy = []
        while watcher.is_alive():
            seconds = ask()
            if watcher.is_alive():
                busy.append(seconds)
        assert drained, "the backlog was not drained"
        assert busy, "the backlog was drained before anything was measured: make it longer"
        assert service.terminate() == 0
    p99 = [statistics.median(quantile_ms(each, 0.99) for each in rounds) for rounds in (idle, busy)]
    p50 = [quantile_ms(np.concatenate(rounds), 0.5) for rounds in (idle, busy)]
    print(
        f"{RATE} requests a second, idle: p50 {p50[0]:.2f}, p99 {p99[0]:.2f} ms; "
        f"while {drained[0]:,.0f} records a second are drained: p50 {p50[1]:.2f}, p99 {p99[1]:.2f} ms"
    )
    return p99[1] / p99[0]
