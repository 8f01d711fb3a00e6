"""`scoreline dead-letters`: what could not be scored, why, and another try at it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.moments import parse_moment
from scoreline.errors import ConfigError

if TYPE_CHECKING:
    from scoreline.config.settings import Settings
    from scoreline.stream.dead_letter_selection import LetterSelection

SHOWN_LETTERS = 50

dead_letters_app = typer.Typer(
    name="dead-letters",
    help="Look at dead letters, and have them scored again.\n\nExample: scoreline dead-letters list --max 10",
    no_args_is_help=True,
)

Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only of this reason; repeat it for more.")]
Since = Annotated[
    str | None, typer.Option(help="Only written at or after: ISO 8601 (UTC without a zone) or ms since the epoch.")
]
Until = Annotated[str | None, typer.Option(help="Only written before; as --since.")]
Partitions = Annotated[
    list[int] | None, typer.Option("--partition", min=0, help="Only of this partition of the dead-letter topic.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@dead_letters_app.callback()
def describe_group() -> None:
    """Look at dead letters, and have them scored again."""


@dead_letters_app.command("list")
def list_letters(
    reason: Reasons = None,
    since: Since = None,
    until: Until = None,
    partition: Partitions = None,
    max_letters: Annotated[int, typer.Option("--max", min=0, help="How many to show.")] = SHOWN_LETTERS,
    *,
    as_json: AsJson = False,
) -> None:
    """Show dead letters, the newest first, and how many of each reason there are, those that are not shown included.

    The state says what a redrive would do: due, redriven (it was), exhausted (tried too often), foreign (of another
    deployment).

    Example: scoreline dead-letters list --reason unknown_schema --since 2026-03-01T00:00:00Z
    """
    from scoreline.cli.letter_views import show_letters

    settings = _load()
    show_letters(settings, _select(reason, since, until, partition), max_letters=max_letters, as_json=as_json)


@dead_letters_app.command("show")
def show_letter(
    partition: Annotated[int, typer.Argument(min=0, help="Of the dead-letter topic.")],
    offset: Annotated[int, typer.Argument(min=0)],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter in full: what was wrong, where it came from, headers, and its value as far as it decodes.

    Example: scoreline dead-letters show 3 1042
    """
    from scoreline.cli.letter_views import show_letter_at

    show_letter_at(_load(), partition, offset, as_json=as_json)


@dead_letters_app.command("redrive")
def redrive_letters(
    reason: Reasons = None,
    since: Since = None,
    until: Until = None,
    partition: Partitions = None,
    max_attempts: Annotated[int, typer.Option(min=1, help="Leave letters that were tried so often.")] = 5,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Letters per second [default: as fast as it goes].")
    ] = None,
    *,
    to_source: Annotated[
        bool, typer.Option("--to-source", help="To the input topic, where its other readers see them again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be redriven.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have dead letters scored again, each once: run it after the cure, and again as often as you like.

    Every letter goes to the redrive topic, with its own key, value and headers, in one transaction with a marker that
    keeps it from going there again. Whatever fails again is a new dead letter, of the next attempt.

    Example: scoreline dead-letters redrive --reason unknown_schema --rate 500
    """
    from scoreline.cli.redriving import RedriveWish, redrive

    settings = _load()
    selection = _select(reason, since, until, partition)
    wish = RedriveWish(selection, max_attempts=max_attempts, per_second=rate, to_source=to_source)
    redrive(settings, wish, dry_run=dry_run, as_json=as_json)


def _load() -> "Settings":
    from scoreline.config.roles import Role
    from scoreline.config.settings import load_settings

    return load_settings([Role.STREAM])


def _select(
    reasons: Sequence[str] | None, since: str | None, until: str | None, partitions: Sequence[int] | None
) -> "LetterSelection":
    """What the options mean.

    Raises:
        ConfigError: a reason that does not exist, or a moment that cannot be read.
    """
    from scoreline.records import Reason
    from scoreline.stream.dead_letter_selection import LetterSelection

    known = {reason.value for reason in Reason}
    if unknown := sorted(set(reasons or ()) - known):
        expected = ", ".join(sorted(known))
        raise ConfigError(*(f"--reason: there is no reason {name!r}; expected one of {expected}" for name in unknown))
    return LetterSelection(
        reasons=frozenset(reasons or ()),
        since_ms=None if since is None else parse_moment(since, "--since"),
        until_ms=None if until is None else parse_moment(until, "--until"),
        partitions=frozenset(partitions or ()),
    )
