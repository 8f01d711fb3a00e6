"""All commands under one name; heavy libraries are imported by the commands themselves, so that this stays quick."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.main import get_command

from scoreline import __version__
from scoreline.cli.broker import broker
from scoreline.cli.check import check
from scoreline.cli.dead_letters import dead_letters_app
from scoreline.cli.demo import demo
from scoreline.cli.jobs import jobs_app
from scoreline.cli.models import models_app
from scoreline.cli.offsets import offsets_app
from scoreline.cli.predict import predict
from scoreline.cli.produce import produce
from scoreline.cli.replay import replay
from scoreline.cli.resume import resume
from scoreline.cli.run import run
from scoreline.cli.tail import tail
from scoreline.cli.topics import topics_app


def make_command() -> Callable[..., Any]:
    """The whole command line, to be called with arguments and the program's name."""
    app = typer.Typer(
        name="scoreline",
        help="Kafka streaming inference for tree models: Avro features in, predictions out, with an HTTP sidecar.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=False,
        rich_markup_mode="markdown",  # in the default mode, [default: …] would be taken for a style
    )
    app.callback()(_describe)
    for command in (run, check, broker, produce, tail, replay, predict, resume, demo):
        app.command()(command)
    for group in (topics_app, models_app, jobs_app, dead_letters_app, offsets_app):
        app.add_typer(group)
    return get_command(app)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"scoreline {__version__}")
        raise typer.Exit


def _describe(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of `scoreline` itself; they act by their callbacks."""
