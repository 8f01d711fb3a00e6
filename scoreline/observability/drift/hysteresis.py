"""States that do not flicker: raised by two windows of three, cleared by three in a row without cause."""

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]

_REMEMBERED = 3


class Raised:
    """Which axes are raised; one window exceeding is chance, and one that does not is no recovery.

    Args:
        axes: how many there are.
        needed: how many of the last three have to exceed.
    """

    def __init__(self, axes: int, *, needed: int) -> None:
        self._last = np.zeros((_REMEMBERED, axes), dtype=np.bool_)
        self._needed = needed
        self._raised = np.zeros(axes, dtype=np.bool_)

    def update(self, exceeded: Flags) -> Flags:
        """Take what the next window, or look, exceeds; gives which axes are raised now, both of shape (axes,)."""
        self._last = np.concatenate([self._last[1:], exceeded[np.newaxis]])
        count = self._last.sum(axis=0)
        self._raised = (count >= self._needed) | (self._raised & (count > 0))
        return self._raised
