"""A thread for each role that works on Kafka."""

import asyncio
import threading
from typing import Protocol

from scoreline.service.stopping import Stop


class KafkaRole(Protocol):
    """A role that works on Kafka in a thread of its own."""

    def run(self) -> None:
        """Work until the stop is requested."""
        ...

    def look_at_kafka(self) -> None:
        """Ask whether the cluster answers; from one thread that may wait."""
        ...


class RoleThread:
    """A role in a thread of its own, whose end ends the service.

    Args:
        asked: set when it ends.

    Attributes:
        error: what ended it, where it was not a stop.
    """

    def __init__(self, role: KafkaRole, name: str, *, loop: asyncio.AbstractEventLoop, asked: asyncio.Event) -> None:
        self.role = role
        self.name = name
        self._loop = loop
        self._asked = asked
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self.role.run()
        except BaseException as error:  # noqa: BLE001 - kept, and raised again by the main thread
            self.error = error
        finally:
            self._loop.call_soon_threadsafe(self._asked.set)

    async def join(self, stop: Stop) -> None:
        """Wait for the thread as long as the deadline allows."""
        await asyncio.to_thread(self._thread.join, max(0.0, stop.left_seconds() - stop.sidecar_seconds))

    @property
    def stuck(self) -> bool:
        """Whether it is still running."""
        return self._thread.is_alive()
