"""Makes sure that the headers of a message can be asked for."""

from collections.abc import Sequence
from operator import methodcaller

from confluent_kafka import Message

from scoreline.records import UNREADABLE_HEADERS

_ask_headers = methodcaller("headers")


def guard_headers(messages: Sequence[Message]) -> None:
    """Replace headers that the client library cannot hand out by one that says so.

    A header's name is bytes on the wire. Where they are no UTF-8, the library's first call for them returns a result
    and sets an exception as well; a second call returns a list with a null pointer in it. So it is noticed here.
    """
    # Through `map`, because the interpreter's quick way to call a method does not look for such an exception: it would
    # come up at a later message. After one, `map` goes on with the next message.
    asked = map(_ask_headers, messages)
    at = 0
    while at < len(messages):
        try:
            for _ in asked:
                at += 1
        except (SystemError, UnicodeDecodeError):
            messages[at].set_headers([(UNREADABLE_HEADERS, b"")])
            at += 1
