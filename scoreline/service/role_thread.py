"""A thread for each role that works on Kafka."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from scoreline.errors import ServiceError, StopOverdue
from scoreline.service.stopping import Stop

logger = logging.getLogger("scoreline.service")


class KafkaRole(Protocol):
    """A role that works on Kafka in a thread of its own."""

    def run(self) -> None:
        """Work until the stop is requested.

        Raises:
            StopOverdue: some of it did not end in time.
        """
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
            with suppress(RuntimeError):  # it did not end in time, and the loop that would be told is closed
                self._loop.call_soon_threadsafe(self._asked.set)

    async def join(self, stop: Stop) -> None:
        """Wait for the thread as long as the deadline allows."""
        await asyncio.to_thread(self._thread.join, max(0.0, stop.left_seconds() - stop.sidecar_seconds))

    @property
    def stuck(self) -> bool:
        """Whether it is still running, or has left something running that did not end in time."""
        return self._thread.is_alive() or isinstance(self.error, StopOverdue)


def conclude(threads: Sequence[RoleThread], deadline_seconds: float) -> int:
    """Say how the roles have ended.

    Returns:
        0 where all of them did so in time and without an error; 1 where one did not end in time.

    Raises:
        ServiceError: whatever ended a role.
    """
    failed = [(thread.name, thread.error) for thread in threads if thread.error is not None and not thread.stuck]
    for name, error in failed:
        if not isinstance(error, ServiceError):
            logger.critical("the role %s crashed", name, exc_info=error, extra={"event": f"{name}_crashed"})
        elif len(failed) > 1:
            logger.error("the role %s has ended: %s", name, error, extra={"event": "role_failed", "error": str(error)})
    if failed:
        raise failed[0][1]
    stuck = [
        thread.name if thread.error is None else f"{thread.name} ({thread.error})" for thread in threads if thread.stuck
    ]
    if stuck:
        logger.error(
            "%s did not end within %s s; what was in hand will be read again",
            " and ".join(stuck),
            deadline_seconds,
            extra={"event": "stop_overdue"},
        )
        return 1
    logger.info("stopped", extra={"event": "service_stopped"})
    return 0
