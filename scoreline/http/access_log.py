"""One log line for requests worth one. It holds nothing that a caller wrote but checked ids of request and trace."""

import logging
from enum import StrEnum

from scoreline.errors import ServiceError
from scoreline.http.errors import Refusal, is_server_fault
from scoreline.http.exchange import Call
from scoreline.http.served import Served

logger = logging.getLogger("scoreline.http")

SLOW_SECONDS = 0.1
_FIRST_ERROR_STATUS = 400


class AccessLogMode(StrEnum):
    """Which requests get a line of their own."""

    ERRORS = "errors"
    ALL = "all"
    NONE = "none"


class AccessLog:
    """Writes the lines. `errors` means what was refused, failed or took over 100 ms."""

    def __init__(self, mode: AccessLogMode) -> None:
        self._mode = mode

    def request_served(self, served: Served, problem: str | None, call: Call | None = None) -> None:
        """Take note of an answered request.

        Args:
            problem: the title of what went wrong, None when nothing did.
            call: None where the request could not be read as one.
        """
        mode = self._mode
        if mode is AccessLogMode.ERRORS:
            if served.status < _FIRST_ERROR_STATUS and served.seconds < SLOW_SECONDS:
                return
        elif mode is AccessLogMode.NONE:
            return
        level = logging.WARNING if is_server_fault(served.status) else logging.INFO
        logger.log(
            level,
            "%s %s: %d",
            served.method,
            served.route,
            served.status,
            extra={
                "event": "request_served",
                "route": served.route,
                "method": served.method,
                "status": served.status,
                "seconds": round(served.seconds, 6),
                "request_id": served.request_id,
                "trace_id": find_trace_id(call),
                "instances": served.instances,
                "version": served.version,
                "problem": problem,
            },
        )


def log_failure(error: Exception, pattern: str, call: Call) -> None:
    """Write a line about a request that has failed for a reason of ours; with a stack trace only where none is known.

    Args:
        pattern: of the request's route.
    """
    expected = isinstance(error, ServiceError | Refusal)
    logger.error(
        "a request failed: %s",
        type(error).__name__,
        exc_info=None if expected else error,
        extra={
            "event": "request_failed",
            "route": pattern,
            "request_id": call.request_id,
            "trace_id": find_trace_id(call),
            "error": f"{type(error).__name__}: {error}" if expected else type(error).__name__,
        },
    )


def find_trace_id(call: Call | None) -> str | None:
    """The trace that a request belongs to, None where it belongs to none; looked up only for a line that is written."""
    context = None if call is None else call.find_context()
    return None if context is None else context.trace_id
