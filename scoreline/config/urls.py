"""URLs of remote systems: their scheme, and credentials in them, which nobody is to see."""

import re
from urllib.parse import unquote

from scoreline.config.properties import MASK

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:://|::)")
_USERINFO = re.compile(r"://([^/@\s]*(?::[^/\s]*)?)@")
_SHORTEST_SECRET = 3


def find_scheme(url: str) -> str:
    """The scheme of a URL in lower case, of several chained ones the first; empty for a folder."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else ""


def mask_url(url: str) -> str:
    """The URL without the credentials that may be in it."""
    return _USERINFO.sub(f"://{MASK}@", url)


def has_credentials(url: str) -> bool:
    """Whether a user or a password is part of the URL."""
    return _USERINFO.search(url) is not None


def hide_credentials(url: str, text: str) -> str:
    """A text about a URL, without the credentials that are in the URL, however they are written there."""
    for userinfo in _USERINFO.findall(url):
        user, _, password = userinfo.partition(":")
        secrets = {userinfo, unquote(userinfo), password, unquote(password), *((user,) if not password else ())}
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, MASK)
    return text
