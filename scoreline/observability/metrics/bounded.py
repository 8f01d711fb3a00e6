"""Keeps the values of a label bounded, so that nothing that arrives can grow a scrape without end."""

from collections.abc import Callable, Collection
from typing import Generic, TypeVar

Child = TypeVar("Child")

OTHER = "other"


class BoundedLabel:
    """Lets the first `limit` values through and calls every further one `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def bound(self, value: str) -> str:
        """The value itself while there is room for it, else `other`."""
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return OTHER
        self._known.add(value)
        return value


class RecentChildren(Generic[Child]):
    """Keeps the children of the label values that were used last; not safe between threads.

    Args:
        make: gives the child of a value.
        forget: told of a value that had to make room.
    """

    def __init__(self, limit: int, *, make: Callable[[str], Child], forget: Callable[[str], None]) -> None:
        self._limit = limit
        self._make = make
        self._forget = forget
        self._children: dict[str, Child] = {}
        self._used: set[str] = set()

    def find(self, value: str) -> Child:
        """The child of this value, which is now the one used last."""
        child = self._children.pop(value, None)
        if child is None:
            child = self._make(value)
            if len(self._children) >= self._limit:
                oldest = next(iter(self._children))
                del self._children[oldest]
                self._used.discard(oldest)
                self._forget(oldest)
        self._children[value] = child
        self._used.add(value)
        return child

    def forget_unused(self, kept: Collection[str]) -> None:
        """Forget what is not among the `kept`, and was not found since this was last called."""
        for value in [each for each in self._children if each not in kept and each not in self._used]:
            del self._children[value]
            self._forget(value)
        self._used.clear()
