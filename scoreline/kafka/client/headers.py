"""Makes sure that the headers of a message can be asked for, and asks."""

from collections import deque
from collections.abc import Sequence
from operator import length_hint
from typing import cast

from confluent_kafka import Message

from scoreline.observability.traces.context import find_trace_id
from scoreline.records import UNREADABLE_HEADERS, Record


def guard_headers(messages: Sequence[Message]) -> None:
    """Replace headers that the client library cannot hand out by one that says so.

    A header's name is bytes on the wire. Where they are no UTF-8, the library's first call for them returns a result
    and sets an exception as well; a second call returns a list with a null pointer in it. So it is noticed here.
    """
    # Through `map`, because the interpreter's quick way to call a method does not look for such an exception: it would
    # come up at a later message.
    unasked = iter(messages)
    while length_hint(unasked):
        try:
            deque(map(Message.headers, unasked), maxlen=0)
        except (SystemError, UnicodeDecodeError):
            asked_last = len(messages) - length_hint(unasked) - 1
            messages[asked_last].set_headers([(UNREADABLE_HEADERS, b"")])


def find_trace(message: Message) -> str | None:
    """The trace that a message belongs to, whose headers nobody has asked for yet; None where it belongs to none."""
    guard_headers((message,))
    return find_trace_id(cast("Record", message))
