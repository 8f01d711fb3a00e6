"""The demonstration, told from the first step to the last."""

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scoreline.demo.flights import FEATURES, FIRST_STREAMED_MONTH, flight_schema, load_flights, to_rows
from scoreline.demo.processes import Commands, find_free_port, get_json
from scoreline.demo.quality import area_under_curve
from scoreline.demo.traffic import FlightEncoder, FlightProducer, PredictionReader, Seen
from scoreline.errors import DeliveryError
from scoreline.schemas.folder import write_schema

if TYPE_CHECKING:
    import pandas as pd

MODEL = "flights"
PACED_RECORDS = 3000
PACED_PER_SECOND = 1000.0
QUIET_SECONDS = 60.0


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
        bootstrap = f"127.0.0.1:{broker_port}"
        variables = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "MODEL_STORE": str(folder / "model_store"),
            "SCHEMA_DIR": str(folder / "schemas"),
            "HTTP_PORT": str(http_port),
            "ID_FIELD": "id",
        }
        commands = Commands(folder, variables)
        with _stopping(commands):
            flights = _train_and_publish(console, commands, folder)
            schema_id = write_schema(folder / "schemas", "features-value", flight_schema())
            _start(console, commands, broker_port, http_port)
            encoder = FlightEncoder(schema_id)
            streamed = flights[flights["month"] >= FIRST_STREAMED_MONTH]
            producer = FlightProducer(bootstrap, "features", encoder)
            reader = PredictionReader(bootstrap, "predictions", "features.dead-letters")
            poisons = _stream(console, producer, reader, encoder, streamed)
            reader.close()
            _report(console, reader.seen, streamed, poisons, get_json(f"http://127.0.0.1:{http_port}/stats"))
            _show_sidecar(console, commands, streamed, http_port, reader.seen)
            console.print(f"\nFrom the first step to here: {time.monotonic() - started:.0f} s.")
            _serve(console, serve_seconds)


@contextmanager
def _stopping(commands: Commands) -> Iterator[None]:
    """A SIGTERM ends the demonstration like Ctrl-C does, and either way the processes are ended."""
    previous = signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        commands.stop()
        signal.signal(signal.SIGTERM, previous)


def _train_and_publish(console: Console, commands: Commands, folder: Path) -> "pd.DataFrame":
    from scoreline.demo.training import train

    _step(console, 1, "Train on the flights of January to June 2013")
    flights = load_flights()
    started = time.monotonic()
    booster = train(flights)
    booster.save_model(folder / "flights.txt")
    known = int(((flights["month"] < FIRST_STREAMED_MONTH) & flights["late"].notna()).sum())
    console.print(f"  {known:,} flights, {booster.num_trees()} trees, {time.monotonic() - started:.1f} s")
    _step(console, 2, "scoreline models publish flights flights.txt --alias production")
    version = commands.run("models", "publish", MODEL, "flights.txt", "--alias", "production")
    console.print(f"  version {version}")
    return flights


def _start(console: Console, commands: Commands, broker_port: int, http_port: int) -> None:
    from scoreline.local.broker import await_broker
    from scoreline.local.jars import find_runtime

    _step(console, 3, f"scoreline broker --port {broker_port}")
    find_runtime(announce=lambda text: console.print(f"  {text}"))
    started = time.monotonic()
    broker = commands.start("broker", "--port", str(broker_port), "--folder", str(commands.folder / "kafka"))
    await_broker(f"127.0.0.1:{broker_port}", timeout_seconds=180, is_running=lambda: broker.running)
    console.print(f"  a real Apache Kafka after {time.monotonic() - started:.1f} s")
    _step(console, 4, "scoreline topics create --partitions 4; scoreline run")
    commands.run("topics", "create", "--partitions", "4")
    started = time.monotonic()
    service = commands.start("run")
    commands.await_answer(service, f"http://127.0.0.1:{http_port}/health/ready", 60)
    console.print(f"  ready after {time.monotonic() - started:.1f} s")


def _stream(
    console: Console,
    producer: FlightProducer,
    reader: PredictionReader,
    encoder: FlightEncoder,
    streamed: "pd.DataFrame",
) -> int:
    """Send everything, some of it broken; returns how many broken records there were."""
    poisons = encoder.poisons()
    fast = len(streamed) - PACED_RECORDS
    _step(
        console, 5, f"Stream July to December: {len(streamed):,} flights, and {len(poisons)} broken records among them"
    )
    rows = to_rows(streamed)
    with _progress(console) as progress:
        sent = progress.add_task("produced", total=fast)
        scored = progress.add_task("predictions", total=fast + len(poisons))

        def send() -> None:
            for poison in poisons:
                part = list(islice(rows, fast // len(poisons)))
                producer.send(part, tick=lambda n: progress.advance(sent, n))
                producer.send_poison(part[-1], poison)
            producer.send(islice(rows, fast % len(poisons)), tick=lambda n: progress.advance(sent, n))

        with _beside(send, producer):
            _read(reader, fast + len(poisons), lambda n: progress.advance(scored, n))
    _report_speed(console, reader.seen)
    _step(console, 6, f"The last {PACED_RECORDS:,} flights at {PACED_PER_SECOND:,.0f} a second, for the latency")
    reader.seen.latencies_ms.clear()
    with _beside(lambda: producer.send(rows, per_second=PACED_PER_SECOND), producer):
        _read(reader, len(streamed) + len(poisons))
    ordered = sorted(reader.seen.latencies_ms)
    p50, p95, p99 = (ordered[int(len(ordered) * q)] for q in (0.5, 0.95, 0.99))
    console.print(f"  produced to readable prediction: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    return len(poisons)


@contextmanager
def _beside(send: Callable[[], object], producer: FlightProducer) -> Iterator[None]:
    """Send in a thread beside the body, which ends it when it is left early; raises what sending raised."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - kept, and raised again below
            failed.append(error)

    thread = threading.Thread(target=run, name="producer")
    thread.start()
    try:
        yield
    except BaseException:
        producer.give_up()
        raise
    finally:
        thread.join()
    if failed:
        raise failed[0]


def _read(reader: PredictionReader, count: int, tick: Callable[[int], None] | None = None) -> None:
    if not reader.read_until(count, QUIET_SECONDS, tick):
        raise DeliveryError(f"{count} records went in, but only {len(reader.seen)} came out")


def _report_speed(console: Console, seen: Seen) -> None:
    rate = len(seen.predictions) / max(seen.seconds, 1e-9)
    console.print(f"  {rate:,.0f} records per second; producer, broker, service and reader share this machine")


def _report(console: Console, seen: Seen, streamed: "pd.DataFrame", poisons: int, stats: dict[str, Any]) -> None:
    table = Table(title="What came out", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("flights streamed", f"{len(streamed):,}")
    table.add_row("predictions", f"{len(seen.predictions):,}")
    table.add_row("predictions that came twice", f"{seen.repeated:,}")
    table.add_row("broken records sent", f"{poisons:,}")
    for reason, count in sorted(seen.dead_letters.items()):
        table.add_row(f"dead letters: {reason}", f"{count:,}")
    arrived = streamed[streamed["late"].notna() & streamed["id"].isin(seen.predictions.keys())]
    predicted = [seen.predictions[flight] for flight in arrived["id"]]
    auc = area_under_curve(arrived["late"].to_numpy(), predicted)
    table.add_row("AUC against what really happened", f"{auc:.4f}")
    console.print(table)
    console.print("  the last prediction, as a downstream reader sees it:")
    console.print("  " + json.dumps(seen.example, default=str), highlight=False, soft_wrap=True)
    stages = {stage: seconds["p50_seconds"] for stage, seconds in stats["stream"]["stages"].items()}
    console.print(
        f"  where a batch spends its time (median seconds): {json.dumps(stages)}", highlight=False, soft_wrap=True
    )


def _show_sidecar(console: Console, commands: Commands, streamed: "pd.DataFrame", http_port: int, seen: Seen) -> None:
    _step(console, 7, "Ask the sidecar for the same flight")
    row = next(to_rows(streamed[streamed["id"] == seen.example["id"]]))
    instance = {name: row[name] for name in FEATURES if row[name] is not None}
    (commands.folder / "flight.jsonl").write_text(json.dumps(instance) + "\n")
    url = f"http://127.0.0.1:{http_port}"
    answer: dict[str, Any] = json.loads(commands.run("predict", "flight.jsonl", "--url", url, "--json"))
    console.print(f"  over HTTP  {answer['prediction']!r}")
    console.print(f"  on Kafka   {seen.predictions[seen.example['id']]!r}")
    body = json.dumps({"instances": [instance]})
    console.print("\n  try it:", highlight=False)
    console.print(
        f"  curl -s {url}/predict -H 'Content-Type: application/json' -d '{body}'", highlight=False, soft_wrap=True
    )
    console.print(
        f"  curl -s {url}/health; curl -s {url}/metrics; curl -s {url}/stats", highlight=False, soft_wrap=True
    )


def _serve(console: Console, seconds: float | None) -> None:
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    if seconds is None:
        console.print("\nServing until Ctrl-C.")
        signal.sigwait(ends)
    elif seconds > 0:
        console.print(f"\nServing for {seconds:.0f} s more.")
        signal.sigtimedwait(ends, seconds)
    console.print("Stopping.")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


def _step(console: Console, number: int, text: str) -> None:
    console.print(f"\n[bold]{number}. {text}[/bold]", highlight=False)
