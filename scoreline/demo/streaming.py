"""Streams the flights month by month; what became of a month's flights is known a month later."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.console import Console

from scoreline.demo.console import make_progress, print_plain
from scoreline.demo.flights import FIRST_STREAMED_MONTH, to_rows
from scoreline.demo.months import LAST_MONTH, MonthDrift, MonthQuality, describe_drift, list_months, measure_quality
from scoreline.demo.poison import Poison
from scoreline.demo.reading import DriftEventReader, PredictionReader
from scoreline.demo.sending import FlightProducer, LabelProducer, Sender
from scoreline.demo.views import MONTHS_HEAD, format_month
from scoreline.demo.watching import ServiceWatch

if TYPE_CHECKING:
    import pandas as pd

PACED_RECORDS = 3000
PACED_PER_SECOND = 1000.0
WINDOW_RECORDS = 4096
"""As `DRIFT_WINDOW_RECORDS` is by default: fewer records than that are in no window that has ended."""

Tick = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Clients:
    """Everything that talks to the broker and to the service."""

    sender: Sender
    flights: FlightProducer
    labels: LabelProducer
    predictions: PredictionReader
    events: DriftEventReader
    service: ServiceWatch


@dataclass
class Streamed:
    """What has become of the months so far.

    Attributes:
        records: sent in all, broken ones among them; labels: sent in all.
        fast_records, fast_seconds: of what was sent as fast as it goes.
    """

    drift: list[MonthDrift] = field(default_factory=list)
    quality: list[MonthQuality] = field(default_factory=list)
    records: int = 0
    labels: int = 0
    fast_records: int = 0
    fast_seconds: float = 0.0


class MonthlyStream:
    """Streams one month after the other, and tells of each.

    Args:
        flights: all that are to be streamed, in order of departure.
        known_destinations: those of the training.
    """

    def __init__(
        self, console: Console, clients: Clients, flights: "pd.DataFrame", known_destinations: frozenset[str]
    ) -> None:
        self._console = console
        self._clients = clients
        self._flights = flights
        self._known = known_destinations
        self._done = Streamed()

    def stream(self, poisons: Sequence[Poison]) -> Streamed:
        """Stream everything: the last flights at a steady rate, and the labels of the last month after them."""
        print_plain(self._console, MONTHS_HEAD)
        months = list_months()
        with make_progress(self._console) as progress:
            task = progress.add_task("predictions", total=len(self._flights) + len(poisons))

            def tick(count: int) -> None:
                progress.advance(task, count)

            for place, month in enumerate(months):
                flights = self._flights[self._flights["month"] == month]
                rows = to_rows(flights)
                paced = PACED_RECORDS if month == LAST_MONTH else 0
                self._stream_fast(month, rows, len(flights) - paced, poisons[place :: len(months)], tick)
                if paced:
                    self._stream_paced(rows, paced, tick)
                self._end_month(month, flights)
            self._send_labels(LAST_MONTH)
            self._clients.sender.flush()
            print_plain(self._console, format_month(None, self._measure(LAST_MONTH)))
        return self._done

    def _stream_fast(
        self, month: int, rows: Iterator[dict[str, Any]], count: int, poisons: Sequence[Poison], tick: Tick
    ) -> None:
        """Send flights with broken ones among them, and, when some have gone, the labels of the month before."""
        clients, part = self._clients, count // (len(poisons) + 1)

        def send() -> None:
            for poison in poisons:
                sent = list(islice(rows, part))
                clients.flights.send(sent)
                clients.flights.send_poison(sent[-1], poison)
            self._send_labels(month - 1)
            clients.flights.send(islice(rows, count - part * len(poisons)))
            clients.sender.flush()

        started = time.monotonic()
        self._exchange(send, count + len(poisons), tick)
        self._done.fast_records += count + len(poisons)
        self._done.fast_seconds += time.monotonic() - started

    def _stream_paced(self, rows: Iterator[dict[str, Any]], count: int, tick: Tick) -> None:
        """Send flights at a steady rate; of latencies only theirs are kept."""
        clients = self._clients

        def send() -> None:
            clients.flights.send(rows, per_second=PACED_PER_SECOND)
            clients.sender.flush()

        clients.predictions.seen.latencies_ms.clear()
        self._exchange(send, count, tick)

    def _exchange(self, send: Callable[[], object], count: int, tick: Tick) -> None:
        self._done.records += count
        with _beside(send, self._clients.sender):
            self._clients.predictions.read_until(self._done.records, tick)

    def _end_month(self, month: int, flights: "pd.DataFrame") -> None:
        """Wait until the service has judged the month, and tell of it."""
        clients, done = self._clients, self._done
        quality = self._measure(month - 1) if month > FIRST_STREAMED_MONTH else None
        told = clients.service.await_judged(sorted(clients.predictions.seen.scored_at_ms)[-WINDOW_RECORDS])
        before = len(clients.events.events)
        clients.events.read_until(clients.service.count_drift_events())
        drift = describe_drift(month, flights, self._known, told, clients.events.events[before:])
        done.drift.append(drift)
        print_plain(self._console, format_month(drift, quality))

    def _list_arrived(self, month: int) -> "pd.DataFrame":
        """Flights of a month that was streamed whose label is known: what was diverted never gets one."""
        return self._flights[(self._flights["month"] == month) & self._flights["late"].notna()]

    def _send_labels(self, month: int) -> None:
        arrived = self._list_arrived(month)
        self._clients.labels.send(zip(arrived["id"], arrived["late"].tolist(), strict=True))
        self._done.labels += len(arrived)

    def _measure(self, month: int) -> MonthQuality:
        clients = self._clients
        told = clients.service.await_labels(self._done.labels)
        (live,) = told["versions"].values()
        quality = measure_quality(month, self._list_arrived(month), clients.predictions.seen.predictions, live)
        self._done.quality.append(quality)
        return quality


@contextmanager
def _beside(send: Callable[[], object], sender: Sender) -> Iterator[None]:
    """Send in a thread beside the body, which ends it when it is left early; raises what sending raised."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - kept, and raised again below
            failed.append(error)

    thread = threading.Thread(target=run, name="producer")
    thread.start()
    try:
        yield
    except BaseException:
        sender.give_up()
        raise
    finally:
        thread.join()
    if failed:
        raise failed[0]
