"""What a body may be: JSON in UTF-8, as it is or compressed in a way that is undone while it arrives."""

from aiohttp import web
from multidict import istr

from scoreline.errors import MalformedRequest
from scoreline.http.errors import UnsupportedMediaType
from scoreline.http.exchange import JSON

_CONTENT_TYPE = istr("Content-Type")
_CONTENT_ENCODING = istr("Content-Encoding")
_TRANSFER_ENCODING = istr("Transfer-Encoding")
_CHUNKED = "chunked"
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_ENCODINGS = ("identity", "gzip", "deflate")


def check_media_type(request: web.BaseRequest, expected: str = JSON, *, may_be_silent: bool = False) -> None:
    """Refuse a body that says of itself that it is something else.

    Args:
        expected: some form of JSON.
        may_be_silent: whether a body may come without a Content-Type.

    Raises:
        UnsupportedMediaType: another type, another charset, or an encoding that is not undone here.
        MalformedRequest: it is encoded for its transfer otherwise than in chunks.
    """
    headers = request.headers
    transfer = headers.get(_TRANSFER_ENCODING)
    if transfer is not None and transfer.strip().lower() != _CHUNKED:
        raise MalformedRequest("expected no Transfer-Encoding, or chunked alone")
    if _CONTENT_ENCODING in headers and ", ".join(headers.getall(_CONTENT_ENCODING)).lower() not in _ENCODINGS:
        raise refuse_encoding()
    given = headers.get(_CONTENT_TYPE)
    if given == expected or (given is None and may_be_silent):
        return
    if given is None or request.content_type != expected:
        raise UnsupportedMediaType(f"expected a body of the type {expected}")
    if (request.charset or "utf-8").lower() not in _CHARSETS:
        raise UnsupportedMediaType("expected JSON in UTF-8")


def refuse_encoding() -> UnsupportedMediaType:
    """The error that answers a body in an encoding that is not undone here; its answer lists those that are."""
    taken = ", ".join(_ENCODINGS[1:])
    return UnsupportedMediaType(
        f"expected a body without a Content-Encoding, or with one of: {taken}", (("Accept-Encoding", taken),)
    )
