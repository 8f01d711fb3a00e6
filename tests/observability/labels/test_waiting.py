"""Labels that wait for their prediction."""

import numpy as np

from scoreline.observability.labels.memory import hash_ids
from scoreline.observability.labels.waiting import Labels, WaitingLabels


def make_labels(*ids):
    values = np.array([float(i) for i in range(len(ids))], dtype=object)
    return Labels(hash_ids(ids), values, np.full(len(ids), np.nan))


def take(waiting, *ids):
    return waiting.take(hash_ids(ids)).values.tolist()


def test_a_label_that_waits_comes_with_its_prediction_and_waits_no_more():
    waiting = WaitingLabels(10, 60.0)
    waiting.add(make_labels(b"a", b"b", b"c"), 0.0)

    assert take(waiting, b"x", b"b", b"a") == [0.0, 1.0]
    assert take(waiting, b"b") == []
    assert len(waiting) == 1


def test_all_labels_of_a_prediction_come_in_the_order_in_which_they_did():
    waiting = WaitingLabels(10, 60.0)
    waiting.add(make_labels(b"a", b"b", b"a"), 0.0)

    assert take(waiting, b"a") == [0.0, 2.0]


def test_those_that_waited_too_long_are_given_up():
    waiting = WaitingLabels(10, 60.0)
    waiting.add(make_labels(b"a"), 0.0)
    waiting.add(make_labels(b"b"), 30.0)

    assert waiting.give_up(60.0) == 0
    assert waiting.give_up(60.1) == 1
    assert take(waiting, b"a", b"b") == [0.0]


def test_the_oldest_are_given_up_where_there_are_too_many():
    waiting = WaitingLabels(2, 60.0)
    waiting.add(make_labels(b"a", b"b", b"c"), 0.0)

    assert waiting.give_up(0.0) == 1
    assert take(waiting, b"a", b"b", b"c") == [1.0, 2.0]
