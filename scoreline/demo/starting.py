"""The first steps: a broker, a model with its baseline, topics, a service."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from scoreline.demo.console import print_plain, print_step
from scoreline.demo.flights import FEATURES, FIRST_STREAMED_MONTH, load_flights
from scoreline.demo.processes import Commands
from scoreline.local.process import GuardedProcess

if TYPE_CHECKING:
    import pandas as pd

MODEL = "flights"


def start_broker(console: Console, commands: Commands, port: int) -> GuardedProcess:
    """Start it, and do not wait: it takes as long as the training does."""
    from scoreline.local.jars import find_runtime

    print_step(console, 1, f"scoreline broker --port {port}")
    find_runtime(announce=lambda text: console.print(f"  {text}"))
    print_plain(console, "  a real Apache Kafka starts while the model is trained")
    return commands.start("broker", "--port", str(port), "--folder", str(commands.folder / "kafka"))


def train_and_publish(console: Console, commands: Commands, folder: Path) -> "pd.DataFrame":
    """Returns all flights, those of the training among them."""
    from scoreline.demo.training import train

    print_step(console, 2, "Train on the flights of January to June 2013")
    flights = load_flights()
    started = time.monotonic()
    booster = train(flights)
    booster.save_model(folder / "flights.txt")
    known = list_trained(flights)
    print_plain(console, f"  {len(known):,} flights, {booster.num_trees()} trees, {time.monotonic() - started:.1f} s")
    print_step(
        console,
        3,
        "scoreline models publish flights flights.txt --alias production "
        "--baseline training.jsonl --time-column departed_at",
    )
    started = time.monotonic()
    known[["departed_at", *FEATURES]].to_json(
        folder / "training.jsonl", orient="records", lines=True, date_format="iso"
    )
    version = commands.run(
        *("models", "publish", MODEL, "flights.txt", "--alias", "production"),
        *("--baseline", "training.jsonl", "--time-column", "departed_at"),
    )
    took = time.monotonic() - started
    print_plain(console, f"  version {version}; what drift is measured from are its training flights; {took:.1f} s")
    return flights


def list_trained(flights: "pd.DataFrame") -> "pd.DataFrame":
    """The flights that the model is trained on."""
    return flights[(flights["month"] < FIRST_STREAMED_MONTH) & flights["late"].notna()]


def start_service(console: Console, commands: Commands, broker: GuardedProcess, broker_port: int, url: str) -> None:
    """Make the topics, and wait until the service is ready."""
    from scoreline.local.broker import await_broker

    print_step(console, 4, "scoreline topics create --partitions 4; scoreline run")
    await_broker(f"127.0.0.1:{broker_port}", timeout_seconds=180, is_running=lambda: broker.running)
    commands.run("topics", "create", "--partitions", "4")
    started = time.monotonic()
    service = commands.start("run")
    commands.await_answer(service, f"{url}/health/ready", 60)
    print_plain(console, f"  ready after {time.monotonic() - started:.1f} s")
