"""`scoreline run`: the service."""

from typing import Annotated

import typer


def run(
    role: Annotated[
        list[str] | None,
        typer.Option(help="stream, http or jobs; repeat it for several [default: all in one process]."),
    ] = None,
) -> None:
    """Run the service: the Kafka stream, the HTTP sidecar and batch jobs, until SIGTERM or Ctrl-C.

    Example: scoreline run --role stream
    """
    from scoreline.config.roles import choose_roles
    from scoreline.config.settings import load_settings

    roles = choose_roles(role or [])
    settings = load_settings(roles)

    from scoreline.service import run_service

    raise typer.Exit(run_service(settings, roles))
