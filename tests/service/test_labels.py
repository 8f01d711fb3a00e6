"""What health says of labels."""

from types import SimpleNamespace

import pytest

from scoreline.observability.health import HealthBoard
from scoreline.service.labels import LiveLabels


class Reader:
    def __init__(self, *, is_alive, says):
        self.is_alive = is_alive
        self.describe = lambda: says


@pytest.mark.parametrize(("is_alive", "says"), [(True, "reads 3 partitions"), (False, "the thread has ended")])
def test_that_labels_are_not_read_any_more_is_shown_and_makes_the_stream_neither_unready_nor_dead(is_alive, says):
    board = HealthBoard()
    LiveLabels(SimpleNamespace(health=board), notes=None, reader=Reader(is_alive=is_alive, says=says))

    report = board.report("stream")
    (labels,) = report.components
    assert (labels.name, labels.ready, labels.alive, labels.detail) == ("labels", is_alive, is_alive, says)
    assert report.needed == []
    assert report.alive
