"""One log line for requests worth one. It never holds what a caller wrote beyond a checked request id."""

import logging
from enum import StrEnum

from scoreline.http.errors import is_server_fault
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

    def request_served(self, served: Served, problem: str | None) -> None:
        """Take note of an answered request.

        Args:
            problem: the title of what went wrong, None when nothing did.
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
                "instances": served.instances,
                "version": served.version,
                "problem": problem,
            },
        )
