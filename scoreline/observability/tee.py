"""One observer where a port takes one, and several want to know."""

from scoreline.models.model import ModelVersion, Scores
from scoreline.observability.comparisons import Comparisons
from scoreline.observability.events import RequestObserver, RequestServed
from scoreline.records import NextOffsets
from scoreline.scoring.shadows import ShadowObserver
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


class ShadowTee:
    """Implements `scoreline.scoring.shadows.ShadowObserver` by counting and comparing."""

    def __init__(self, metrics: ShadowObserver, comparisons: Comparisons) -> None:
        self._metrics = metrics
        self._comparisons = comparisons

    def shadow_scored(self, answered: ModelVersion, shadow: ModelVersion, scores: Scores, shadowed: Scores) -> None:
        """Both have scored the same rows."""
        self._comparisons.shadow_scored(answered, shadow, scores, shadowed)
        self._metrics.shadow_scored(answered, shadow, scores, shadowed)

    def shadow_dropped(self, rows: int) -> None:
        """So many rows came to nothing."""
        self._metrics.shadow_dropped(rows)
