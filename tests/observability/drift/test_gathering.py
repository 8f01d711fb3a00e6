"""Rows of small requests, put together."""

import numpy as np

from scoreline.observability.drift.gathering import GATHERED_ROWS, Gatherer, Rows
from tests.observability.drift.scenes import make_rows


def test_rows_are_given_when_there_are_enough():
    gatherer = Gatherer()
    given = [gatherer.add(make_rows(1, x=float(i), unseen=i % 2)) for i in range(GATHERED_ROWS)]
    full = given[-1]

    assert given[:-1] == [None] * (GATHERED_ROWS - 1)
    assert full.features[:, 0].tolist() == list(map(float, range(GATHERED_ROWS)))
    assert full.unseen.tolist() == [0, GATHERED_ROWS // 2]
    assert full.scores.tolist() == [0.5] * GATHERED_ROWS
    assert gatherer.take() is None


def test_rows_that_find_no_room_are_the_first_of_the_next():
    gatherer = Gatherer()
    gatherer.add(make_rows(200, x=1.0))
    full = gatherer.add(make_rows(100, x=2.0))

    assert full.features[:, 0].tolist() == [1.0] * 200
    assert gatherer.take().features[:, 0].tolist() == [2.0] * 100


def test_rows_are_copied():
    gatherer = Gatherer()
    rows = make_rows(2, x=1.0, unseen=1)
    gatherer.add(rows)
    rows.features[:] = 9.0
    rows.unseen[:] = 9

    taken = gatherer.take()
    assert taken.features[:, 0].tolist() == [1.0, 1.0]
    assert taken.unseen.tolist() == [0, 1]


def test_scores_of_classes_are_gathered_by_row():
    gatherer = Gatherer()
    rows = make_rows(2)._replace(scores=np.array([[0.1, 0.9], [0.3, 0.7]]))
    gatherer.add(rows)
    gatherer.add(Rows(rows.features, rows.unseen, rows.scores[::-1]))

    assert gatherer.take().scores.tolist() == [[0.1, 0.9], [0.3, 0.7], [0.3, 0.7], [0.1, 0.9]]


def test_a_few_rows_do_not_hold_the_room_of_many():
    gatherer = Gatherer()
    gatherer.add(make_rows(1))
    taken = gatherer.take()

    assert all(each.base is None for each in (taken.features, taken.scores))
