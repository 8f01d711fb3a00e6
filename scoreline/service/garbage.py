"""Keeps the cyclic garbage collector out of the stream's way."""

import gc

THRESHOLDS = (100_000, 50, 100)
"""Allocations until a young collection, and how many of those until an older generation is looked at."""


def keep_collector_away() -> None:
    """Collect once, then leave what is there alone for good, and look at new objects seldom.

    A batch makes tens of thousands of objects that live for milliseconds and are freed by their reference counts. As
    delivered, Python walks through everything that it has loaded every few batches for their sake: 4 % of the
    processor while a backlog drains, and pauses of 50 to 95 ms (measured, `benchmarks/README.md`). It is not switched
    off: what does hang together in cycles, around failed HTTP requests for example, would never be freed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
