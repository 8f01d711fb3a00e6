"""Options of every command that asks a running sidecar."""

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[str | None, typer.Option(help="Of the sidecar [default: SCORELINE_HTTP_HOST and SCORELINE_HTTP_PORT].")]
TokenText = Annotated[str | None, typer.Option(help="Bearer token [default: first of SCORELINE_HTTP_TOKENS].")]
CaFile = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="PEM of the authorities that are trusted for https://.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]
