"""`scoreline models alias | route | history | rollback | delete`: what aliases mean, and versions that none means."""

from typing import TYPE_CHECKING, Annotated

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
from scoreline.cli.route_arguments import read_route

if TYPE_CHECKING:
    from scoreline.models.routes import Route

WHEN_GONE = "it cannot be chosen any more, but services that have it loaded answer pins with it until they let go of it"
"""Of a version: a service does not ask the store for what it has in memory."""


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


def set_route(
    name: Name,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Lower-case, as in production.")],
    shares: Annotated[
        list[str], typer.Argument(metavar="VERSION=WEIGHT...", help="As in 3=90 4=10: whole numbers, of any sum.")
    ],
    shadow: Annotated[
        list[str] | None, typer.Option(help="A version that scores, too, but answers nobody; repeat it for more.")
    ] = None,
) -> None:
    """Make an alias share its answers out between versions: a key always gets the same one.

    Example: scoreline models route flights production 3=90 4=10 --shadow 5
    """
    store = open_store()
    route = read_route(store, name, alias, shares, shadow or ())
    store.set_alias(name, alias, route, by=whoami())
    typer.echo(f"{alias} of {name} means {route}: {WHEN_SERVED}")


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
            "version": entry.route.only,
            "route": _describe(entry.route),
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
    typer.echo(f"{alias} of {name} means {entry.route} again, as set at {entry.set_at}: {WHEN_SERVED}")


def delete_version(
    name: Name, version: Annotated[int, typer.Argument(metavar="VERSION", help="A version number.", min=1)]
) -> None:
    """Take a version out of use, unless an alias means it; its number is never used again.

    Example: scoreline models delete flights 2
    """
    open_store().delete(name, version, by=whoami())
    typer.echo(f"version {version} of {name} is deleted: {WHEN_GONE}, and no other gets its number")


def _describe(route: "Route") -> str | None:
    """A route in words; None where the version says it all."""
    return None if route.only is not None and not route.shadows else str(route)
