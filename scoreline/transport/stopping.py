"""How whoever turns learns that it is time to end."""

from typing import Protocol


class StopSignal(Protocol):
    """What `threading.Event` offers, so that a simulation can bring its own."""

    def is_set(self) -> bool:
        """Whether to end after what is in hand."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the signal; True when it came."""
        ...
