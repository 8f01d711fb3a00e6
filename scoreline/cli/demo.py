"""`scoreline demo`: all of it on one machine."""

from typing import Annotated

import typer


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(min=0, help="Go on serving for so long after the report [default: until Ctrl-C, or 0 on a pipe]."),
    ] = None,
) -> None:
    """Train on real flights, start a broker, stream, and show what happens.

    Example: scoreline demo --seconds 60
    """
    from rich.console import Console

    from scoreline.demo.show import show_demo

    console = Console()
    serve_seconds = seconds if seconds is not None or console.is_terminal else 0.0
    show_demo(console, serve_seconds=serve_seconds)
