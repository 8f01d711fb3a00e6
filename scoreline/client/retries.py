"""Whether, and after how long, a request is sent again."""

import email.utils
import json
import random
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from scoreline.client.errors import (
    ClientError,
    Conflict,
    Denied,
    Expired,
    InvalidRequest,
    InvalidRows,
    NotFound,
    Overloaded,
    Problem,
    Rejected,
    Unreachable,
    UnreadableAnswer,
    Unserved,
    Untrusted,
)
from scoreline.client.exchange import Pause, Reply, Request, Send, Steps
from scoreline.client.reading import read_errors

Clock = Callable[[], float]

UNKNOWN_TYPE = "about:blank"
"""The type of a problem that no sidecar has told: a gateway on the way, say."""

_PASSING = frozenset({429, 502, 503, 504})
_FIRST_SERVER_STATUS = 500
_ERRORS: dict[int, type[Rejected]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    409: Conflict,
    410: Expired,
    429: Overloaded,
}


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently a request that may be sent again is.

    Attributes:
        attempts: at most, with the first.
        first_attempts: instead, until the client has been answered once, so that a wrong address is told soon; None for
            as many as ever.
        first_pause_seconds, longest_pause_seconds: pauses double from the one to the other; each is cut by a random
            part of up to a half, so that callers who failed together do not come back together.
        longest_retry_after_seconds: whoever is asked to come back later than that gives up instead.
        longest_outage_seconds: `results` that have begun, and a `wait` without a time of its own, go on asking for so
            long, however many attempts that takes.
        draw: a random number from 0 up to 1.
    """

    attempts: int = 8
    first_attempts: int | None = None
    first_pause_seconds: float = 0.1
    longest_pause_seconds: float = 5.0
    longest_retry_after_seconds: float = 60.0
    longest_outage_seconds: float = 300.0
    draw: Callable[[], float] = random.random

    @property
    def at_first(self) -> "Retries":
        """Those that hold until the client has been answered once."""
        return self if self.first_attempts is None else replace(self, attempts=self.first_attempts)

    @property
    def endless(self) -> "Retries":
        """The same for whom only time ends."""
        return replace(self, attempts=sys.maxsize)

    def find_pause(self, attempt: int, retry_after_seconds: float | None = None) -> float | None:
        """How long to pause after an attempt has failed; None for never again.

        Args:
            attempt: its number, from 1.
            retry_after_seconds: what the answer asks for; the pause is never shorter.
        """
        if attempt >= self.attempts:
            return None
        longest = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** min(attempt - 1, 30))
        pause = longest * (1 - self.draw() / 2)
        if retry_after_seconds is None:
            return pause
        if retry_after_seconds > self.longest_retry_after_seconds:
            return None
        # Beside what was asked for, not within it: else all come back in the same instant.
        return retry_after_seconds + longest * self.draw() / 2


@dataclass(frozen=True, slots=True)
class Terms:
    """What a call may take.

    Attributes:
        timeout_seconds: for one exchange.
        deadline: on the clock; nothing is sent or waited for beyond it. None for none.
        give_up_at: on the clock; nothing is sent again from then on, but what was sent has its time. None for none.
    """

    retries: Retries
    clock: Clock
    timeout_seconds: float
    deadline: float | None = None
    give_up_at: float | None = None

    @property
    def remaining_seconds(self) -> float:
        """What one exchange may take now."""
        if self.deadline is None:
            return self.timeout_seconds
        return min(self.timeout_seconds, max(0.001, self.deadline - self.clock()))

    def allows(self, pause_seconds: float) -> bool:
        """Whether there is time for a pause before something is sent again."""
        ends = [each for each in (self.deadline, self.give_up_at) if each is not None]
        if not ends:
            # Where no end is set, a caller still hears within that time why nothing moves.
            return pause_seconds <= self.timeout_seconds
        return self.clock() + pause_seconds < min(ends)


def send(request: Request, terms: Terms, *, streamed: bool = False, accepted: Collection[int] = ()) -> Steps[Reply]:
    """Send a request, again where that may help.

    Args:
        accepted: statuses that are answers beside those of a success.

    Raises:
        Unreachable, Rejected: the last failure.
        UnreadableAnswer: the answer sends elsewhere.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            reply: Reply = yield Send(request, terms.remaining_seconds, streamed)
        except Unreachable as error:
            failure: ClientError = error
        else:
            if 200 <= reply.status < 300 or reply.status in accepted:
                return reply
            failure = find_failure(reply)
        pause = _find_pause(request, terms, attempt, failure)
        if pause is None:
            raise failure
        yield Pause(pause)


def find_failure(reply: Reply) -> ClientError:
    """The error that an answer stands for which is no success."""
    if reply.status < 400:
        elsewhere = reply.headers.get("location")
        where = "" if elsewhere is None else f" to {elsewhere!r}"
        return UnreadableAnswer(
            f"expected an answer, but the status is {reply.status}{where}; what is sent is not sent on"
        )
    problem = read_problem(reply)
    if problem.errors:
        return InvalidRows(problem)
    other = Unserved if problem.status >= _FIRST_SERVER_STATUS else InvalidRequest
    return _ERRORS.get(problem.status, other)(problem)


def read_problem(reply: Reply) -> Problem:
    """What an answer says is wrong, by whatever it was given."""
    try:
        found = json.loads(reply.body)
        told = found if isinstance(found, dict) else {}
        errors = read_errors(told.get("errors"))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Whatever it is, its status says enough; what it says beside that is not ours to read.
        told, errors = {}, ()
    title = str(told.get("title") or f"HTTP status {reply.status}")
    return Problem(
        reply.status,
        str(told.get("type") or UNKNOWN_TYPE),
        title,
        str(told.get("detail") or title),
        reply.headers.get("x-request-id"),
        read_retry_after(reply.headers.get("retry-after"), time.time),
        errors,
    )


def read_retry_after(text: str | None, wall_clock: Clock) -> float | None:
    """Seconds until to come back, from a number or a date; None where neither is given."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - wall_clock())
    except ValueError:
        return None


def _find_pause(request: Request, terms: Terms, attempt: int, failure: ClientError) -> float | None:
    """None where sending again is no use, not allowed, or would be too late."""
    if not request.repeatable or not passes(failure):
        return None
    asked = failure.retry_after_seconds if isinstance(failure, Rejected) else None
    pause = terms.retries.find_pause(attempt, asked)
    return pause if pause is not None and terms.allows(pause) else None


def passes(failure: ClientError) -> bool:
    """Whether a failure may pass by itself; a sidecar says when to come back where it knows that it does."""
    if isinstance(failure, Rejected):
        return failure.status in _PASSING and (failure.retry_after_seconds is not None or failure.type == UNKNOWN_TYPE)
    return isinstance(failure, Unreachable) and not isinstance(failure, Untrusted)
