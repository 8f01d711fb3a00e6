"""The short form of `make torture FORM=memory`."""

import pytest

from benchmarks import stream_memory

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]


@pytest.mark.usefixtures("kafka")  # whether there is one; the measurement has a broker of its own
def test_memory_stays_where_it_is_over_records_and_rebalances_and_far_behind():
    """Within a tenth: resident memory after a warm-up, and its peak with a long backlog against a short one."""
    stream_memory.measure(records=800_000, rebalances=6, behind=300_000, delivery="at-least-once").conclude()
