"""Windows that the training might have had: runs of consecutive blocks, put together at random from a seed.

What is scored in a row resembles itself: weather lasts for days, and a day has its hours. Rows or short blocks drawn
one by one would make windows far steadier than real ones. So blocks come in runs, from a sixth of a window to all of
it, and all runs of a window from one part of the training, a fifth of its time.
"""

from dataclasses import dataclass

import numpy as np

from scoreline.observability.drift.statistics import Places

PARTS = 5
_SHORTEST = 1 / 6


@dataclass(frozen=True, slots=True)
class Resample:
    """One window: its runs of blocks, and the part of the training that they are from.

    Attributes:
        firsts, ends: of each run, the end being the block behind its last; shape (runs,).
    """

    part: int
    firsts: Places
    ends: Places


def draw(blocks: int, blocks_a_window: int, windows_a_part: int, *, seed: int) -> list[Resample]:
    """Draw windows, as many from each part; no block is twice in one window.

    Args:
        blocks: how many there are, at least `4 * PARTS * blocks_a_window`.
    """
    rng = np.random.default_rng(seed)
    return [
        _draw_one(rng, part, *find_part(blocks, part), blocks_a_window)
        for part in range(PARTS)
        for _ in range(windows_a_part)
    ]


def find_part(blocks: int, part: int) -> tuple[int, int]:
    """First block of a part of the training, and the one behind its last."""
    return blocks * part // PARTS, blocks * (part + 1) // PARTS


def _draw_one(rng: np.random.Generator, part: int, first: int, end: int, size: int) -> Resample:
    length = max(1, round(size * _SHORTEST ** rng.random()))
    runs = -(-size // length)
    phase = int(rng.integers(min(length, end - first - runs * length + 1)))
    starts = rng.permutation(np.arange(first + phase, end - length + 1, length))[:runs]
    ends = starts + length
    ends[-1] -= runs * length - size
    return Resample(part, starts, ends)
