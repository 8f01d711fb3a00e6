"""One observer where a port takes one, and several want to know."""

from scoreline.observability.events import RequestObserver, RequestServed
from scoreline.records import NextOffsets
from scoreline.transport.ports import ClientObserver


class ClientTee:
    """Implements `ClientObserver` by telling each of several."""

    def __init__(self, *observers: ClientObserver) -> None:
        self._observers = observers

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:
        """The broker has answered a commit."""
        for observer in self._observers:
            observer.commit_answered(next_offsets, error)

    def client_error(self, name: str, detail: str) -> None:
        """The client reports a situation."""
        for observer in self._observers:
            observer.client_error(name, detail)


class RequestTee:
    """Implements `RequestObserver` by telling each of several."""

    def __init__(self, *observers: RequestObserver) -> None:
        self._observers = observers

    def request_served(self, event: RequestServed) -> None:
        """A request has been answered."""
        for observer in self._observers:
            observer.request_served(event)
