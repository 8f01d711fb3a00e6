"""Waiting for the end of a job: looks with pauses that grow, over a sidecar that is away for a while. No I/O."""

from collections.abc import Callable

from scoreline.client.answers import Job
from scoreline.client.errors import Rejected, Unreachable, WaitExpired
from scoreline.client.exchange import Pause, Steps
from scoreline.client.retries import Clock, passes

FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 5.0
POLL_GROWTH = 1.5
LAST_LOOK_SECONDS = 1.0
"""A wait that ends looks once more, and that takes no longer."""

Progress = Callable[[Job], object]


def wait_for_end(
    look: Callable[[float | None], Steps[Job]],
    clock: Clock,
    progress: Progress | None,
    timeout_seconds: float | None,
) -> Steps[Job]:
    """Look at a job until it has ended.

    Args:
        look: asks for it until a time on the clock; None for as long as an outage may be.
        progress: is called with each job that a look has found.

    Raises:
        WaitExpired: it had not ended in time; its cause is why it could not be had by then, where it could not.
        Rejected, Unreachable: it cannot be had, and that does not pass; or it could not be had at all in that time.
    """
    deadline = None if timeout_seconds is None else clock() + timeout_seconds
    pause = FIRST_POLL_SECONDS
    known: Job | Rejected | Unreachable | None = None
    while True:
        found = yield from _look(look, clock, deadline)
        if isinstance(found, Job):
            if progress is not None:
                progress(found)
            if found.ended:
                return found
        if isinstance(found, Job) or not isinstance(known, Job):
            known = found
        remaining = pause if deadline is None else deadline - clock()
        if timeout_seconds is not None and remaining <= 0:
            if isinstance(known, Job):
                raise WaitExpired(known, timeout_seconds) from (None if isinstance(found, Job) else found)
            raise known
        # A look that has failed was repeated for as long as there was time: what is left is the one at the deadline.
        yield Pause(min(pause, remaining) if isinstance(found, Job) else remaining)
        pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)


def _look(
    look: Callable[[float | None], Steps[Job]], clock: Clock, deadline: float | None
) -> Steps[Job | Rejected | Unreachable]:
    """The job; with a deadline also a failure that may have passed by then."""
    if deadline is None:
        return (yield from look(None))
    try:
        return (yield from look(max(deadline, clock() + LAST_LOOK_SECONDS)))
    except (Rejected, Unreachable) as error:
        if not passes(error):
            raise
        return error
