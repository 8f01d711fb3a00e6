"""What a series of questions has found: one that fails does not keep the next from being asked."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from scoreline.cli.exits import CRASHED, LACKING, MISUSED, SUCCESS, find_exit_code
from scoreline.errors import ServiceError

T = TypeVar("T")

_WORST_FIRST = (MISUSED, LACKING, CRASHED)


class State(StrEnum):
    """How an item stands."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of one item.

    Attributes:
        exit_code: that the item alone would end with.
    """

    item: str
    state: State
    detail: str
    exit_code: int = SUCCESS


class Findings:
    """Collects findings in the order of asking."""

    def __init__(self) -> None:
        self._found: list[Finding] = []

    @property
    def found(self) -> tuple[Finding, ...]:
        """All of them so far."""
        return tuple(self._found)

    @property
    def exit_code(self) -> int:
        """The worst of all: a bad configuration before something that is missing."""
        codes = {finding.exit_code for finding in self._found}
        return next((code for code in _WORST_FIRST if code in codes), SUCCESS)

    def ask(self, item: str, question: Callable[[], tuple[T, str]]) -> T | None:
        """Note what a question finds.

        Args:
            question: returns its answer, and what to say of it; a `ServiceError` that it raises is the finding.

        Returns:
            The answer, None after an error.
        """
        try:
            answer, detail = question()
        except ServiceError as error:
            self.fail(item, error)
            return None
        self.note(item, detail)
        return answer

    def note(self, item: str, detail: str, state: State = State.OK) -> None:
        """Note a finding that no error tells."""
        self._found.append(Finding(item, state, detail))

    def fail(self, item: str, error: ServiceError) -> None:
        """Note an error."""
        self._found.append(Finding(item, State.FAILED, str(error), find_exit_code(error)))
