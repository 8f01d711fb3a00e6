"""How numbers are found in what a service says of itself."""

from scoreline.demo.watching import count_settled, sum_series

EXPOSITION = """\
# HELP scoreline_lag Records.
scoreline_lag{topic="a",partition="0"} 2.0
scoreline_lag{topic="a",partition="1"} 3.0
scoreline_lag_seconds{topic="a"} 9.0
scoreline_events_total 1.2e+01
"""


def test_all_series_of_a_metric_are_added_up_and_no_others():
    assert sum_series(EXPOSITION, "scoreline_lag") == 5.0
    assert sum_series(EXPOSITION, "scoreline_events_total") == 12.0


def test_a_metric_without_series_is_0():
    assert sum_series(EXPOSITION, "scoreline_nothing") == 0


def test_labels_that_still_wait_are_not_dealt_with():
    outcomes = ("joined", "invalid", "unmatched", "repeated", "empty", "unreadable")
    assert count_settled({**dict.fromkeys(outcomes, 2), "waiting": 50, "remembered": 70, "versions": {}}) == 12
