"""`scoreline models alias | history | rollback | delete`: what aliases mean, and versions that none means any more."""

from typing import Annotated

import typer

from scoreline.cli.model_store import (
    DEFAULT_ALIAS,
    WHEN_SERVED,
    AsJson,
    Name,
    Selector,
    choose_version,
    open_store,
    whoami,
)
from scoreline.cli.output import print_table


def set_alias(
    name: Name,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Lower-case, as in production.")],
    version: Selector,
) -> None:
    """Make an alias mean a version from now on; services that answer by this alias follow.

    Example: scoreline models alias flights production 3
    """
    store = open_store()
    number = choose_version(store, name, version)
    store.set_alias(name, alias, number, by=whoami())
    typer.echo(f"{alias} of {name} means version {number}: {WHEN_SERVED}")


def show_history(
    name: Name,
    alias: Annotated[str | None, typer.Argument(metavar="ALIAS", help="Of one alias; of all if left out.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show everything that aliases have meant, since when, and who said so; the last line of each counts.

    Example: scoreline models history flights production
    """
    store = open_store()
    chosen = sorted(store.aliases(name)) if alias is None else [alias]
    entries = [(each, entry) for each in chosen for entry in store.history(name, each)]
    if not entries:
        store.alias(name, alias or DEFAULT_ALIAS)
    rows = [
        {
            "alias": each,
            "entry": entry.sequence,
            "version": entry.version,
            "since": entry.set_at,
            "by": entry.by,
            "goes back to": entry.repeats,
        }
        for each, entry in entries
    ]
    print_table(rows, as_json=as_json)


def roll_back(
    name: Name,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="As in production.")] = DEFAULT_ALIAS,
) -> None:
    """Make an alias mean what it meant before its last change; once more, and it is what it meant before that.

    Example: scoreline models rollback flights production
    """
    entry = open_store().rollback(name, alias, by=whoami())
    typer.echo(f"{alias} of {name} means version {entry.version} again, as set at {entry.set_at}: {WHEN_SERVED}")


def delete_version(
    name: Name, version: Annotated[int, typer.Argument(metavar="VERSION", help="A version number.", min=1)]
) -> None:
    """Take a version out of use, unless an alias means it; its number is never used again.

    Example: scoreline models delete flights 2
    """
    open_store().delete(name, version, by=whoami())
    typer.echo(f"version {version} of {name} is deleted: no selector finds it any more, and no other gets its number")
