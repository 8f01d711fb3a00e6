"""What is remembered of predictions, against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.observability.labels.memory import UNKNOWN, PredictionMemory, hash_ids


def add(remembered, *ids, version=1, scores=None, at=0.0):
    given_scores = np.arange(len(ids), dtype=np.float64) if scores is None else np.array(scores, dtype=np.float64)
    remembered.add(version, hash_ids(ids), given_scores, at)


def find(remembered, *ids, now=0.0):
    return remembered.find(hash_ids(ids), now)


def read_scores(remembered, *ids, now=0.0):
    return remembered.read(find(remembered, *ids, now=now)).scores[:, 0].tolist()


def test_a_prediction_is_found_by_its_id_with_its_version_its_score_and_its_time():
    remembered = PredictionMemory(10, 60.0)
    add(remembered, b"a", b"b", version=3, scores=[0.25, 0.5], at=7.0)

    found = remembered.read(find(remembered, b"b", now=8.0))
    assert (found.versions.tolist(), found.scores.tolist(), found.at_seconds.tolist()) == ([3], [[0.5]], [7.0])
    assert find(remembered, b"c", now=8.0).tolist() == [UNKNOWN]


def test_nothing_is_found_in_an_empty_memory():
    assert find(PredictionMemory(10, 60.0), b"a").tolist() == [UNKNOWN]


def test_of_several_predictions_of_an_id_the_last_one_counts():
    remembered = PredictionMemory(10, 60.0)
    add(remembered, b"a", b"a", scores=[1.0, 2.0])
    assert read_scores(remembered, b"a") == [2.0]
    add(remembered, b"a", scores=[3.0])
    assert read_scores(remembered, b"a") == [3.0]


def test_a_prediction_is_forgotten_when_its_time_is_over():
    remembered = PredictionMemory(10, 60.0)
    add(remembered, b"a", at=100.0)

    assert find(remembered, b"a", now=160.0).tolist() != [UNKNOWN]
    assert find(remembered, b"a", now=160.1).tolist() == [UNKNOWN]


def test_more_at_once_than_there_is_room_for_leaves_the_last_ones():
    remembered = PredictionMemory(3, 60.0)
    add(remembered, b"a", b"b", b"c", b"d", b"e")

    assert (find(remembered, b"a", b"b") == UNKNOWN).all()
    assert read_scores(remembered, b"c", b"d", b"e") == [2.0, 3.0, 4.0]
    assert len(remembered) == 3


def test_versions_with_more_classes_have_room_beside_those_with_fewer():
    remembered = PredictionMemory(10, 60.0)
    add(remembered, b"one", scores=[0.5])
    remembered.add(2, hash_ids([b"many"]), np.array([[0.2, 0.3, 0.5]]), 0.0)
    add(remembered, b"after", scores=[0.75])

    found = remembered.read(find(remembered, b"one", b"many", b"after")).scores
    assert found[1].tolist() == [0.2, 0.3, 0.5]
    assert found[:, 0].tolist() == [0.5, 0.2, 0.75]
    assert np.isnan(found[[0, 2], 1:]).all()


def test_only_the_first_label_of_a_prediction_is_new_even_among_those_that_come_at_once():
    remembered = PredictionMemory(10, 60.0)
    add(remembered, b"a", b"b")

    assert remembered.mark_labelled(find(remembered, b"a", b"b", b"a")).tolist() == [True, True, False]
    assert remembered.mark_labelled(find(remembered, b"b")).tolist() == [False]
    add(remembered, b"b")
    assert remembered.mark_labelled(find(remembered, b"b")).tolist() == [True]


@pytest.mark.parametrize("ids", [1, 3, 7])
def test_the_index_has_one_entry_at_most_for_each_prediction_that_is_remembered(ids):
    """Also where an id takes the place that it had before."""
    remembered = PredictionMemory(7, 60.0, most_unmerged=2)
    for n in range(0, 90, 3):
        add(remembered, *(b"%d" % (i % ids) for i in range(n, n + 3)))
        find(remembered, b"0")
        assert len(remembered._index.hashes) <= 7
    assert (find(remembered, *(b"%d" % i for i in range(ids))) != UNKNOWN).all()


@pytest.mark.slow
@given(st.lists(st.one_of(st.lists(st.integers(0, 12), max_size=6), st.just("find")), max_size=30), st.integers(1, 9))
def test_it_knows_what_a_dictionary_of_the_latest_knows(steps, most):
    """Whatever is added and asked for in between, merged into the index at any time."""
    remembered, latest, n = PredictionMemory(most, 60.0, most_unmerged=2), [], 0
    for step in steps:
        if step == "find":
            known = dict(latest[-most:])
            names = [b"%d" % i for i in range(13)]
            slots = find(remembered, *names)
            scores = np.where(slots == UNKNOWN, -1, remembered.read(slots).scores[:, 0])
            assert scores.tolist() == [known.get(name, -1) for name in names]
        else:
            names = [b"%d" % i for i in step]
            add(remembered, *names, scores=range(n, n + len(names)))
            latest += zip(names, range(n, n + len(names)), strict=True)
            n += len(names)
