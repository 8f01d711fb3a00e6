"""The demonstration, told from the first step to the last."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from scoreline.demo.console import print_plain, print_step
from scoreline.demo.encoding import FlightEncoder
from scoreline.demo.flights import FIRST_STREAMED_MONTH, flight_schema
from scoreline.demo.poison import Poison
from scoreline.demo.processes import Commands, find_free_port
from scoreline.demo.reading import DriftEventReader, PredictionReader
from scoreline.demo.sending import FlightProducer, LabelProducer, Sender
from scoreline.demo.starting import list_trained, start_broker, start_service, train_and_publish
from scoreline.demo.streaming import Clients, MonthlyStream
from scoreline.demo.telling import tell
from scoreline.demo.watching import ServiceWatch
from scoreline.schemas.folder import write_schema

if TYPE_CHECKING:
    import pandas as pd

LABELS = "labels"


def show_demo(console: Console, *, serve_seconds: float | None) -> None:
    """Run all of it in a temporary folder, and leave nothing behind.

    Args:
        serve_seconds: how long to go on serving after the report; None until Ctrl-C.

    Raises:
        ServiceError: a step did not work; says which and why.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="scoreline-demo-") as name:
        folder = Path(name)
        broker_port, http_port = find_free_port(), find_free_port()
        url = f"http://127.0.0.1:{http_port}"
        variables = {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker_port}",
            "MODEL_STORE": str(folder / "model_store"),
            "SCHEMA_DIR": str(folder / "schemas"),
            "HTTP_PORT": str(http_port),
            "ID_FIELD": "id",
            "LABELS_TOPIC": LABELS,
        }
        commands = Commands(folder, variables)
        with _stopping(commands):
            broker = start_broker(console, commands, broker_port)
            flights = train_and_publish(console, commands, folder)
            schema_id = write_schema(folder / "schemas", "features-value", flight_schema())
            start_service(console, commands, broker, broker_port, url)
            encoder = FlightEncoder(schema_id)
            clients = _connect(f"127.0.0.1:{broker_port}", encoder, url)
            with closing(clients.predictions), closing(clients.events):
                _stream(console, commands, clients, flights, encoder.poisons())
            print_plain(console, f"\nFrom the first step to here: {time.monotonic() - started:.0f} s.")
            _serve(console, url, serve_seconds)


def _connect(bootstrap_servers: str, encoder: FlightEncoder, url: str) -> Clients:
    sender = Sender(bootstrap_servers)
    return Clients(
        sender=sender,
        flights=FlightProducer(sender, "features", encoder),
        labels=LabelProducer(sender, LABELS),
        predictions=PredictionReader(bootstrap_servers, "predictions", "features.dead-letters"),
        events=DriftEventReader(bootstrap_servers, "drift-events"),
        service=ServiceWatch(url),
    )


def _stream(
    console: Console, commands: Commands, clients: Clients, flights: "pd.DataFrame", poisons: Sequence[Poison]
) -> None:
    streamed = flights[flights["month"] >= FIRST_STREAMED_MONTH]
    known = frozenset(list_trained(flights)["dest"])
    print_step(
        console,
        5,
        f"Stream July to December: {len(streamed):,} flights, and {len(poisons)} broken records among them; "
        "the labels of a month arrive while the next one is streamed",
    )
    print_plain(
        console,
        "  (AUC and log loss of a month are those of all its flights, from what was read here; "
        "beside them is what the service says)",
    )
    done = MonthlyStream(console, clients, streamed, known).stream(poisons)
    tell(console, commands, clients, streamed, done, len(poisons))


@contextmanager
def _stopping(commands: Commands) -> Iterator[None]:
    """A SIGTERM ends the demonstration like Ctrl-C does, and either way the processes are ended."""
    previous = signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        commands.stop()
        signal.signal(signal.SIGTERM, previous)


def _serve(console: Console, url: str, seconds: float | None) -> None:
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    page = f"\nThe status page: {url}/, with histograms of drift at {url}/#drift."
    if seconds is None:
        print_plain(console, f"{page} Serving until Ctrl-C.")
        signal.sigwait(ends)
    elif seconds > 0:
        print_plain(console, f"{page} Serving for {seconds:.0f} s more.")
        signal.sigtimedwait(ends, seconds)
    console.print("Stopping.")
