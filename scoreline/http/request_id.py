"""The id that a request is known by in its answer and in the logs: the caller's if it is sane, else a new one."""

import itertools
import re
import secrets

REQUEST_ID = "X-Request-Id"

_SANE = re.compile(r"[!-~]{1,128}")


class RequestIds:
    """Chooses ids. New ones are unique by a random prefix of the process and a count; they are no secret."""

    def __init__(self, prefix: str | None = None) -> None:
        self._prefix = prefix or secrets.token_hex(8)
        self._counts = itertools.count(1)

    def choose(self, given: str | None) -> str:
        """The id of a request.

        Args:
            given: what the caller sent; taken when it is 1 to 128 visible ASCII characters.
        """
        if given is not None and _SANE.fullmatch(given):
            return given
        return f"{self._prefix}-{next(self._counts):x}"
