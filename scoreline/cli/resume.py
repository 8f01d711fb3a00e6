"""`scoreline resume`: lets a stream go on that has stopped itself."""

from typing import Annotated

import typer

from scoreline.cli.sidecar_options import CaFile, Url


def resume(
    url: Url = None,
    token: Annotated[
        str | None, typer.Option(help="Bearer token [default: the first of SCORELINE_HTTP_TOKENS with the role admin].")
    ] = None,
    ca: CaFile = None,
) -> None:
    """Let one window of records pass the breaker, however many of them are dead letters.

    After SCORELINE_DEAD_LETTER_WINDOW records it judges again. Each member has a breaker of its own.

    Example: scoreline resume --url http://127.0.0.1:8080
    """
    from scoreline.cli.sidecar import open_client
    from scoreline.config.settings import load_settings
    from scoreline.config.tokens import Access

    with open_client(load_settings(), url, token, ca, access=Access.ADMIN) as client:
        client.resume_stream()
    typer.echo("resumed: one window of records passes, whatever becomes of them")
