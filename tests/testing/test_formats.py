"""Every check of a format can fail: each spoilt format is found out by the check that is there for it."""

import itertools
import threading

import numpy as np
import pytest

from scoreline.errors import ModelRejected
from scoreline.features import Feature, FeatureSet
from scoreline.models.formats import Description, Output
from scoreline.testing import formats
from scoreline.testing.formats import FormatCase

FEATURES = FeatureSet((Feature("x"), Feature("y")))
ROWS = np.random.default_rng(0).normal(size=(120, 2))


class Product:
    """x times y; what a test changes of it is an argument."""

    engine = "product"
    importances = None
    classes = None

    def __init__(self, features=FEATURES, predict=None):
        self.features = features
        self._predict = predict or (lambda rows: rows[:, 0] * rows[:, 1])

    def predict(self, rows):
        return self._predict(rows)


class ProductFormat:
    name, runtime, probe_bytes = "product", "product 1", None

    def __init__(self, *, predict=None, lenient=False, recognized=b"product", described=FEATURES):
        self._predict, self._lenient, self._recognized, self._described = predict, lenient, recognized, described

    def recognizes(self, artifact, file_name):
        return artifact.startswith(self._recognized)

    def describe(self, artifact, statements, classes, types):
        return Description(features=self._described, output=Output.VALUE)

    def check(self, artifact, features):
        """Nothing can be wrong with it."""

    def load(self, artifact, features, classes):
        if len(features) != 2 and not self._lenient:
            raise ModelRejected("two features")
        return Product(FEATURES, self._predict)


def case_of(expected=None, **changes):
    return FormatCase(ProductFormat(**changes), b"product", ROWS, expected=expected)


IN_PROCESS = [
    check
    for check in formats.FORMAT_CHECKS
    if check not in (formats.check_installation, formats.check_probe, formats.check_damage)
]


@pytest.mark.parametrize("check", IN_PROCESS, ids=lambda check: check.__name__)
def test_a_sound_format_passes(check):
    check(case_of(expected=ROWS[:, 0] * ROWS[:, 1]))


def add_neighbours(rows):
    return rows[:, 0] + rows.sum() * 1e-18


def change_rows(rows):
    rows[:, 0] *= rows[:, 1]
    return rows[:, 0].copy()


def scratch():
    """Scores through one place for all threads, of which the first two meet there."""
    place, meeting, calls = np.zeros(2048), threading.Barrier(2), itertools.count()

    def predict(rows):
        place[: len(rows)] = rows[:, 0]
        if next(calls) in (1, 2):  # the first call is for all rows, on one thread
            meeting.wait(timeout=10)
        return place[: len(rows)].copy()

    return predict


def count_calls():
    calls = iter(range(10**6))
    return lambda rows: rows[:, 0] + next(calls)


@pytest.mark.parametrize(
    ("check", "case", "reason"),
    [
        (formats.check_installation, case_of(), "'product' is not known here"),
        (formats.check_recognition, case_of(recognized=b"other"), "is not recognized"),
        (formats.check_recognition, case_of(recognized=b""), "b'' is recognized"),
        (formats.check_description, case_of(described=FeatureSet((Feature("z"), Feature("y")))), "other features"),
        (formats.check_shapes, case_of(predict=lambda rows: rows), "for 0 rows: .*shape"),
        (formats.check_shapes, case_of(predict=lambda rows: rows[:, 0] / 0 if rows.size else rows[:, 0]), "finite"),
        (formats.check_other_features, case_of(lenient=True), "not rejected"),
        (formats.check_expected_scores, case_of(expected=ROWS[:, 0]), "120 scores differ"),
        (formats.check_neighbours, case_of(predict=add_neighbours), "1 at a time than all in one call"),
        (formats.check_input_is_left, case_of(predict=change_rows), "read-only"),
        (formats.check_loading_again, case_of(predict=count_calls()), "loaded again scores otherwise"),
        (formats.check_threads, case_of(predict=scratch()), "while other threads score"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_spoilt_format_is_found_out(check, case, reason):
    with pytest.raises((AssertionError, ModelRejected, ValueError), match=reason):
        check(case)
