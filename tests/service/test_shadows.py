"""How the shadows of the stream end: within what a stop leaves."""

import pytest

from scoreline.service.shadows import CLOSE_SECONDS, OpenShadows
from scoreline.service.stopping import Stop


class Closing:
    """Notes how long it may take."""

    def __init__(self):
        self.seconds = []

    def close(self, timeout_seconds):
        self.seconds.append(timeout_seconds)


class Parts:
    def __init__(self):
        self.shadows = Closing()


@pytest.mark.parametrize(
    ("passed", "scorer_seconds", "publisher_seconds"), [(0.0, CLOSE_SECONDS, 6.0), (30.0, 0.0, 0.0)]
)
def test_the_end_of_shadows_fits_what_the_deadline_of_the_stop_leaves(passed, scorer_seconds, publisher_seconds):
    """A broker that is away may have used it up."""
    now = [0.0]
    stop, parts, publisher = Stop(25.0, lambda: now[0]), Parts(), Closing()
    stop.request()
    now[0] += passed
    OpenShadows(None, parts, publisher, stop).close()
    assert parts.shadows.seconds == [scorer_seconds]
    assert publisher.seconds == [publisher_seconds]


@pytest.mark.parametrize("passed", [0.0, 5.0, 16.0, 20.0, 23.5])
def test_scorer_and_publisher_together_leave_the_sidecar_its_time(passed):
    """A publisher takes twice its time-out at most."""
    now = [passed]
    stop, parts, publisher = Stop(25.0, lambda: now[0]), Parts(), Closing()
    stop._requested_at = 0.0
    OpenShadows(None, parts, publisher, stop).close()
    assert parts.shadows.seconds[0] + 2 * publisher.seconds[0] <= stop.left_seconds() - stop.sidecar_seconds
