"""Where a request ends: whether others may see its end elsewhere, and what stands behind it."""

from aiohttp import HttpVersion11
from aiohttp.http import RawRequestMessage
from multidict import istr

_TRANSFER_ENCODING = istr("Transfer-Encoding")
_END_OF_HEAD = b"\r\n\r\n"


def may_end_elsewhere(message: RawRequestMessage) -> bool:
    """Whether what stands before this server may see another end of a request: the connection has to end with it.

    aiohttp drops what follows, in the same read, an upgrade that it does not know: what comes next is no beginning.
    """
    return message.upgrade or (message.chunked and _is_doubtful(message))


def count_behind(data: bytes, body_bytes: int) -> int:
    """How many bytes stand behind a request whose end is in these; of a head that has begun with blank lines, fewer.

    The parser does not tell whether it is inside a head. But a head, and a chunked body too, ends with a blank line,
    which stands in no head that has not ended. Whoever puts one into a body may hide what is behind it: then that is
    as good as nothing, until more of it comes.

    Args:
        data: the last bytes that came, with the end of the request in them.
        body_bytes: of the request, which end the data if nothing is behind them; 0 for one in chunks.
    """
    end = len(data) - body_bytes
    if end < len(_END_OF_HEAD):
        return 0
    found = data.rfind(_END_OF_HEAD, 0, end)
    return end if found < 0 else end - len(_END_OF_HEAD) - found


def _is_doubtful(message: RawRequestMessage) -> bool:
    return message.version < HttpVersion11 or message.headers[_TRANSFER_ENCODING].lower() != "chunked"
