"""The members of one group: started, ended and replaced as an orchestrator would, or worse."""

import http.client
import time
from dataclasses import dataclass

from scoreline.errors import Unavailable
from scoreline.testing.service import ServiceProcess

RESTART_SECONDS = 0.5
STOP_SECONDS = 25.0
WATCH_SECONDS = 0.1
READY_SECONDS = 20.0
VISITOR = "visitor"
KILLED = -9


@dataclass(frozen=True, slots=True)
class Exit:
    """A member that ended by itself.

    Attributes:
        code: what with.
        after: the event before.
        words: what it said at the end.
    """

    member: str
    code: int
    after: str
    words: str


class Members:
    """Service processes by name, of which some run.

    Args:
        make_service: gives a service for a name that is not started.
        count: how many there are beside a visitor.

    Attributes:
        exits: of members that ended by themselves; each was started again.
        stop_codes: what members ended with that had been sent SIGTERM; -9 where they had to be killed.
        stop_seconds: how long each of them took.
        failed_stops: what those said at the end that did not end with 0.
    """

    def __init__(self, make_service, count):
        self._services: dict[str, ServiceProcess] = {f"member-{n}": make_service(f"member-{n}") for n in range(count)}
        self._visitor = make_service(VISITOR)
        self._wanted = set()
        self._last_event = "the start"
        self.exits = []
        self.stop_codes = []
        self.stop_seconds = []
        self.failed_stops = []

    def start(self):
        """Start all but the visitor, and wait until they are ready."""
        for service in self._services.values():
            service.start()
        for name, service in self._services.items():
            service.await_ready()
            self._wanted.add(name)

    def find(self, number):
        """The member of that number."""
        return self._services[f"member-{number}"]

    def await_ready(self, number):
        """Wait until one takes part; not without end, because brokers may be away for all that is known here."""
        deadline = time.monotonic() + READY_SECONDS
        while self.find(number).ask("/health/ready") != http.client.OK and time.monotonic() < deadline:
            self.watch(WATCH_SECONDS)

    def kill(self, number):
        """Kill -9; `start_again` has to follow."""
        self._last_event = "kill -9"
        self.find(number).kill()

    def start_again(self, number):
        """A fresh start of one that was killed, after half a second."""
        time.sleep(RESTART_SECONDS)
        self.find(number).start()

    def stop(self, number):
        """SIGTERM, and a fresh start as soon as it has ended."""
        self._last_event = "stop"
        self._terminate(self.find(number))
        self.find(number).start()

    def join(self):
        """The visitor comes."""
        self._last_event = "join"
        self._wanted.add(VISITOR)
        self._services[VISITOR] = self._visitor.start()

    def leave(self):
        """The visitor goes as it is asked to."""
        self._last_event = "leave"
        self._wanted.discard(VISITOR)
        self._terminate(self._services.pop(VISITOR))

    def freeze(self, number, seconds):
        """Freeze one for so long, while the others are looked after."""
        self._last_event = "freeze"
        frozen = self.find(number)
        frozen.freeze()
        self.watch(seconds)
        frozen.thaw()

    def watch(self, seconds):
        """Let that much time pass, and start again who ends by itself."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name in self._wanted:
                service = self._services[name]
                if not service.running:
                    self.exits.append(Exit(name, service.process.wait(), self._last_event, service.last_words()))
                    service.start()
            time.sleep(WATCH_SECONDS)

    def end(self):
        """Send everybody SIGTERM."""
        self._last_event = "the end"
        self.watch(WATCH_SECONDS)
        self._wanted.clear()
        for service in self._services.values():
            self._terminate(service)

    def kill_all(self):
        """Leave nobody behind, whatever has happened."""
        for service in self._services.values():
            service.kill()

    def _terminate(self, service):
        began = time.monotonic()
        try:
            code = service.terminate(within_seconds=STOP_SECONDS + 1)
        except Unavailable:
            code = KILLED
        self.stop_codes.append(code)
        self.stop_seconds.append(time.monotonic() - began)
        if code:
            self.failed_stops.append(f"{code} after SIGTERM:\n{service.last_words()}")
