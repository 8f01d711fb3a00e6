"""`scoreline resume`: lets a stream go on that has stopped itself."""

from typing import Annotated

import typer


def resume(
    url: Annotated[
        str | None, typer.Option(help="Of the sidecar [default: SCORELINE_HTTP_HOST and SCORELINE_HTTP_PORT].")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Bearer token [default: the first of SCORELINE_HTTP_TOKENS with the role admin].")
    ] = None,
) -> None:
    """Let one window of records pass the breaker, however many of them are dead letters.

    After SCORELINE_DEAD_LETTER_WINDOW records it judges again. Each member has a breaker of its own.

    Example: scoreline resume --url http://127.0.0.1:8080
    """
    from scoreline.cli.predict import find_url
    from scoreline.cli.sidecar import Sidecar
    from scoreline.config.settings import load_settings
    from scoreline.config.tokens import Access

    settings = load_settings()
    if token is None:
        token = next((known.value for known in settings.http_tokens if known.access is Access.ADMIN), None)
    Sidecar(url or find_url(settings), token=token).resume_stream()
    typer.echo("resumed: one window of records passes, whatever becomes of them")
