"""`scoreline broker`: a Kafka on this machine, for development."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

DEFAULT_PORT = 9092


def broker(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help=f"For clients, on 127.0.0.1 [default: {DEFAULT_PORT}].")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the data here [default: a temporary folder that goes with the broker].")
    ] = None,
    *,
    mock: Annotated[
        bool,
        typer.Option("--mock", help="librdkafka's mock cluster instead: without Java, for plumbing only."),
    ] = False,
) -> None:
    """Run a real Apache Kafka on this machine until Ctrl-C or SIGTERM; the first time, it is downloaded (43 MB).

    Example: scoreline broker --port 9092 --folder ./kafka
    """
    from scoreline.errors import ConfigError

    if mock and (port is not None or folder is not None):
        raise ConfigError("--mock chooses its own port and keeps nothing: give it neither --port nor --folder")
    with ended_by_signals():
        if mock:
            serve_mock()
        serve_broker(port or DEFAULT_PORT, folder)


def serve_broker(port: int, folder: Path | None) -> NoReturn:
    """Run the broker until a signal comes.

    Raises:
        Unavailable: it cannot be had, or has ended by itself.
    """
    from scoreline.errors import Unavailable
    from scoreline.local.broker import KafkaBroker
    from scoreline.local.jars import KAFKA_VERSION, find_runtime

    try:
        runtime = find_runtime(announce=tell)
    except Unavailable as error:
        from scoreline.local.mock import PROVES_NOTHING_ABOUT

        raise Unavailable(f"{error}. Or run `scoreline broker --mock`; {PROVES_NOTHING_ABOUT}") from error
    tell(f"starting Apache Kafka {KAFKA_VERSION} ...")
    with KafkaBroker(folder, port, runtime=runtime) as running:
        typer.echo(f"Apache Kafka {KAFKA_VERSION} listens on {running.bootstrap_servers}; data in {running.folder}")
        tell("Ctrl-C ends it")
        code = running.wait()
        raise Unavailable(f"the broker has ended by itself (exit code {code}):\n{running.last_words()}")


def serve_mock() -> NoReturn:
    """Run the mock cluster until a signal comes."""
    from scoreline.local.mock import PROVES_NOTHING_ABOUT, MockKafka

    with MockKafka() as cluster:
        typer.echo(f"a mock of Kafka listens on {cluster.bootstrap_servers}")
        tell(f"mind that {PROVES_NOTHING_ABOUT}. Ctrl-C ends it")
        threading.Event().wait()
    raise AssertionError("only a signal ends this, by an exception")


def tell(text: str) -> None:
    """For people, beside the output."""
    typer.echo(text, err=True)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the block, and the program with exit code 0."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    previous = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
