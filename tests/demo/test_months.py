"""What is put together of a month."""

import pandas as pd
import pytest

from scoreline.demo.months import Raised, Standing, describe_drift, measure_quality

CAUSE = {"rule": "calibrated", "statistic": "js_distance", "value": 0.3, "threshold": 0.1, "windows": 1}


def make_feature(name, state, cause=CAUSE):
    return {"name": name, "state": state, "importance": 0.5, "cause": cause}


def make_event(name, kind):
    return {"name": name, "kind": kind, "rule": "quality", "statistic": "missing_ratio"}


def test_a_month_tells_what_stands_what_changed_and_where_nobody_flew_before():
    flights = pd.DataFrame({"dest": ["LAX", "ANC", "ILM", "ANC"]})
    told = {"features": [make_feature("a", "warning"), make_feature("b", "ok", None), make_feature("c", "drift")]}
    events = [make_event("c", "raised"), make_event("b", "cleared"), make_event("d", "cleared")]
    month = describe_drift(8, flights, frozenset({"LAX"}), told, events)
    assert (month.name, month.flights) == ("August", 4)
    assert month.standing == [
        Standing("c", "drift", 0.5, "calibrated", "js_distance", 0.3, 0.1),
        Standing("a", "warning", 0.5, "calibrated", "js_distance", 0.3, 0.1),
    ]
    assert (month.raised, month.cleared) == ([Raised("c", "quality", "missing_ratio")], 2)
    assert list(month.new_destinations.items()) == [("ANC", 2), ("ILM", 1)]


def test_quality_compares_each_flight_with_its_own_prediction():
    arrived = pd.DataFrame({"id": ["a", "b", "c"], "late": [1.0, 0.0, 0.0]})
    predictions = {"c": 0.1, "b": 0.3, "a": 0.8, "another": 0.5}
    month = measure_quality(7, arrived, predictions, {"labels": 3, "auc": None})
    assert (month.name, month.labels, month.auc) == ("July", 3, 1.0)
    assert month.mean_prediction == pytest.approx(0.4)
    assert month.share_true == pytest.approx(1 / 3)
    assert (month.live_labels, month.live_auc) == (3, None)
