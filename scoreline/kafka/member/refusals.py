"""Remembers that a permission was refused at run time, until it is found to be granted again."""

from confluent_kafka import KafkaError

from scoreline.kafka.client.errors import PERMISSIONS
from scoreline.records import NextOffsets


class RefusalNotes:
    """Whether a client was refused a permission that has not been looked at since.

    A client tells of a refusal once, goes on trying, and says nothing when it is granted at last. Implements
    `scoreline.transport.ports.ClientObserver`; notes come from the client's thread, questions from another.
    """

    _NAMES = frozenset(KafkaError(code).name() for code in PERMISSIONS)

    def __init__(self) -> None:
        self._noted = 0
        self._settled = 0

    @property
    def noted(self) -> int:
        """How many refusals there were."""
        return self._noted

    @property
    def open(self) -> bool:
        """Whether one of them is not settled."""
        return self._noted != self._settled

    def settle(self, noted: int) -> None:
        """All is granted as of when so many refusals had been noted."""
        self._settled = noted

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:  # noqa: ARG002 - the port's
        """A commit may be what is refused first."""
        self._note(error)

    def client_error(self, name: str, detail: str) -> None:  # noqa: ARG002 - the port's
        """A fetch, or joining the group."""
        self._note(name)

    def _note(self, name: str | None) -> None:
        if name in self._NAMES:
            self._noted += 1
