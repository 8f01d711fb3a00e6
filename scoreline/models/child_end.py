"""How a child process ended that did not answer: what it said last, and who ended it."""

import signal
from dataclasses import dataclass

_SHOWN_OUTPUT = 300
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """An end without an answer.

    Attributes:
        last_words: the last line that it wrote as an error, cut.
        crashed_with: name of the signal that ended it; None where it has exited by itself.
        from_outside: whether that signal is one which others send.
    """

    last_words: str
    crashed_with: str | None
    from_outside: bool

    @classmethod
    def of(cls, status: int, errors: bytes) -> "ChildEnd":
        """The end with this exit status, as `subprocess` has it, after these lines."""
        last_words = errors.decode("utf-8", "replace").strip().rpartition("\n")[2][:_SHOWN_OUTPUT]
        if status >= 0:
            return cls(last_words, None, from_outside=False)
        return cls(last_words, signal.Signals(-status).name, from_outside=-status in _FROM_OUTSIDE)
