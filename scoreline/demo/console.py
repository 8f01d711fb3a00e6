"""How the demonstration prints."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def print_step(console: Console, number: int, text: str) -> None:
    """The head of a step."""
    console.print(f"\n[bold]{number}. {text}[/bold]", highlight=False, soft_wrap=True)


def print_plain(console: Console, text: str) -> None:
    """One line, as it is, however long."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def make_progress(console: Console) -> Progress:
    """Bars with counts, below what is printed meanwhile."""
    return Progress(
        TextColumn("  {task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
