"""The servers that are compared, as processes that are pinned to one core, with what each is asked."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

import numpy as np

from benchmarks.flights import Flights
from benchmarks.http_load import HOST, saturate
from benchmarks.http_work import Work, make_tensor_work, make_work
from scoreline.config.environment import read_environment
from scoreline.local.network import free_ports
from scoreline.local.process import GuardedProcess
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.testing.service import SERVICE, ServiceProcess

SERVER_CORE = 0
PINNED = ("taskset", "-c", str(SERVER_CORE))
START_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05
NEIGHBOURS = ("fastapi", "aiohttp", "aiohttp-single-row")
MLSERVER_MODEL = "flights"


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers.

    Attributes:
        work: in the form that it takes.
    """

    name: str
    pid: int
    port: int
    work: Work


def make_ours(
    folder: Path, flights: Flights, *, name: str = "ours", command: Sequence[str] = SERVICE
) -> ServiceProcess:
    """`scoreline run --role http` with default settings, not started yet; its store is filled once for a folder."""
    models = folder / "models"
    if not models.exists():
        text = flights.booster.model_to_string().encode()
        publish(ModelStore(str(models)), Publication(name="flights", text=text, by="benchmark", alias="production"))
    variables = {"MODEL_STORE": str(models), "MODEL": "flights", "CACHE_DIR": str(folder / f"cache-{name}")}
    return ServiceProcess(variables, folder, roles=["http"], name=name, command=[*PINNED, *command])


class Neighbours:
    """The other servers; gone when the context is left.

    Args:
        mlserver: an interpreter that has mlserver and mlserver-lightgbm; None leaves it out.
    """

    def __init__(self, folder: Path, flights: Flights, mlserver: str | None) -> None:
        self._folder, self._flights, self._mlserver = folder, flights, mlserver
        self._processes: list[GuardedProcess] = []

    def __enter__(self) -> list[Server]:
        model = self._folder / "model.txt"
        self._flights.booster.save_model(model)
        found = []
        for name in NEIGHBOURS:
            [port] = free_ports(1)
            command = [sys.executable, "-m", "benchmarks.http_neighbours", name, str(port), str(model)]
            found.append(Server(name, self._start(name, command), port, make_work(self._flights)))
        if self._mlserver is not None:
            found.append(self._start_mlserver(self._mlserver, model))
        for server in found:
            self._await(server)
        return found

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()

    def _start_mlserver(self, interpreter: str, model: Path) -> Server:
        """Without its pool of workers, which would only add to what a request costs."""
        ports = free_ports(3)
        folder = self._folder / "mlserver"
        folder.mkdir()
        names = ("http_port", "grpc_port", "metrics_port")
        settings = {"host": HOST, "parallel_workers": 0, "debug": False, **dict(zip(names, ports, strict=True))}
        (folder / "settings.json").write_text(json.dumps(settings))
        implementation = "mlserver_lightgbm.LightGBMModel"
        described = {"name": MLSERVER_MODEL, "implementation": implementation, "parameters": {"uri": str(model)}}
        (folder / "model-settings.json").write_text(json.dumps(described))
        pid = self._start("mlserver", [str(Path(interpreter).with_name("mlserver")), "start", str(folder)])
        return Server("mlserver", pid, ports[0], make_tensor_work(self._flights, f"/v2/models/{MLSERVER_MODEL}/infer"))

    def _start(self, name: str, command: Sequence[str]) -> int:
        output = self._folder / f"{name}.txt"
        environment = {**read_environment(), "OMP_NUM_THREADS": "1"}
        process = GuardedProcess([*PINNED, *command], stdout=output, stderr=output, environment=environment)
        self._processes.append(process)
        return process.pid

    def _await(self, server: Server) -> None:
        """Until it has answered a request as it should."""
        deadline = time.monotonic() + START_SECONDS
        process = next(process for process in self._processes if process.pid == server.pid)
        said = self._folder / f"{server.name}.txt"
        while True:
            with suppress(OSError):
                create_connection((HOST, server.port)).close()
                break
            assert process.running, said.read_text()
            assert time.monotonic() < deadline, f"{server.name} does not listen: {said.read_text()}"
            time.sleep(LOOK_AGAIN_SECONDS)
        saturate(server.work, server.port, 1, connections=1)


def ask_until_answered(server: Server, within_seconds: float = START_SECONDS) -> float:
    """Ask for a prediction until there is one.

    Returns:
        When it came, seconds of the monotonic clock.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        with suppress(OSError, AssertionError):
            saturate(server.work, server.port, 1, connections=1)
            return time.monotonic()
        assert time.monotonic() < deadline, f"{server.name} has not answered within {within_seconds} s"
        time.sleep(0.01)


def quantile_ms(seconds: np.ndarray, quantile: float) -> float:
    return float(np.quantile(seconds, quantile)) * 1000
