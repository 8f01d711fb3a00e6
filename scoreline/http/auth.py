"""Who may ask for what: bearer tokens with roles, compared in constant time."""

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from hmac import compare_digest

from multidict import MultiMapping, istr

from scoreline.config.conflicts import is_loopback
from scoreline.config.tokens import Access, Token
from scoreline.errors import ConfigError
from scoreline.http.errors import Forbidden, Unauthenticated

_AUTHORIZATION = istr("Authorization")
_CHALLENGE = (("WWW-Authenticate", 'Bearer realm="scoreline"'),)
_SCHEME = "bearer "


class Door(IntEnum):
    """What a route asks of its caller, from nothing upwards."""

    OPEN = 0
    PREDICT = 1
    ADMIN = 2


_OPENS = {Access.PREDICT: Door.PREDICT, Access.ADMIN: Door.ADMIN}


class Doorkeeper:
    """Lets callers through by their tokens. Without tokens everything is open: then only this machine is let in.

    Args:
        tokens: that are accepted; none means that nothing is asked.
    """

    def __init__(self, tokens: Sequence[Token] = ()) -> None:
        self._known = [(_digest(token.value), _OPENS[token.access]) for token in tokens]

    def admit(self, door: Door, headers: MultiMapping[str]) -> None:
        """Let a caller through a door, or not.

        Args:
            headers: of the request, as they came.

        Raises:
            Unauthenticated: no token, or an unknown one.
            Forbidden: the token opens less than this.
        """
        if door is Door.OPEN or not self._known:
            return
        given = headers.getall(_AUTHORIZATION, ())
        if len(given) > 1:
            raise Unauthenticated("expected the header Authorization once", _CHALLENGE)
        authorization = given[0] if given else ""
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthenticated("expected the header Authorization: Bearer TOKEN", _CHALLENGE)
        opens = self._find_door(authorization[len(_SCHEME) :].strip())
        if opens is Door.OPEN:
            raise Unauthenticated("the token is not known here", _CHALLENGE)
        if opens < door:
            raise Forbidden(f"this route asks for a token with the role {door.name.lower()}")

    def _find_door(self, token: str) -> Door:
        """What a token opens; looks at every known one, so that time tells nothing."""
        presented = _digest(token)
        found = Door.OPEN
        for digest, opens in self._known:
            if compare_digest(presented, digest):
                found = max(found, opens)
        return found


def check_binding(host: str, tokens: Sequence[Token], *, open_on_purpose: bool) -> None:
    """Refuse to listen where other machines reach it while nothing is asked of a caller.

    Raises:
        ConfigError: names the three ways out.
    """
    if tokens or open_on_purpose or is_loopback(host):
        return
    raise ConfigError(
        f"the sidecar would listen on {host} without a token; set SCORELINE_HTTP_TOKENS=predict:TOKEN, bind it to "
        "127.0.0.1, or say SCORELINE_HTTP_AUTH=none where something else keeps callers out"
    )


def _digest(token: str) -> bytes:
    # Of equal length for every token, so that the comparison does not tell how long a token is.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
