"""What of a version was raised and not cleared since, as whoever follows its changes knows it."""

from collections.abc import Sequence
from dataclasses import replace

from scoreline.observability.drift.states import Change, State

_RAISED = (State.WARNING, State.DRIFT)


class Outstanding:
    """Keeps the last change of each feature and output that is raised; for one thread."""

    def __init__(self) -> None:
        self._raised: dict[int, Change] = {}

    def note(self, changes: Sequence[Change]) -> None:
        """These have been told."""
        for change in changes:
            if change.state in _RAISED:
                self._raised[change.axis] = change
            else:
                self._raised.pop(change.axis, None)

    def clear(self, at_ms: int) -> list[Change]:
        """Nothing is known of any of them from now on: gives that as changes, once."""
        cleared = [
            replace(change, earlier=change.state, state=State.NO_DATA, at_ms=at_ms)
            for _, change in sorted(self._raised.items())
        ]
        self._raised.clear()
        return cleared
