"""Shadows score what was answered: afterwards, as far as they get, and to nobody's harm."""

import logging
import threading
import weakref

import numpy as np
import pytest

from scoreline.errors import ModelRejected, Refused
from scoreline.features import Feature, FeatureSet
from scoreline.models.model import ModelVersion
from scoreline.scoring.shadows import Answered, ShadowScorer
from scoreline.scoring.troubles import QUIET_SECONDS
from scoreline.testing.fakes import WeightedSum
from tests.shadow_recorder import SECONDS, Compared, ShadowRecorder

LIVE = ModelVersion("flights", 1, "", WeightedSum([Feature("x"), Feature("y", nullable=False)], [1.0, 10.0]))


class Held(WeightedSum):
    """The features of the live version; scores when it may, and says that it would."""

    def __init__(self):
        super().__init__([], [2.0, 20.0])
        self.features = LIVE.model.features
        self.entered, self.release = threading.Event(), threading.Event()

    def predict(self, features):
        self.entered.set()
        assert self.release.wait(SECONDS)
        return super().predict(features)


class Failing(WeightedSum):
    """Raises what it is told to, as long as it is."""

    def __init__(self, *errors):
        super().__init__([], [2.0, 20.0])
        self.features = LIVE.model.features
        self.errors = list(errors)

    def predict(self, features):
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return super().predict(features)


def make_shadow(model=None, number=2):
    if model is None:
        model = WeightedSum([], [2.0, 20.0])
        model.features = LIVE.model.features
    return ModelVersion("flights", number, "", model)


def make_answered(rows, shadows, *, read=None, publish=None, payload_bytes=0):
    matrix = np.array(rows, dtype=np.float64).reshape(-1, 2)

    def refuse(features):
        raise AssertionError("the same features need no reading")

    return Answered(LIVE, shadows, LIVE.model.predict(matrix), matrix, read or refuse, payload_bytes, publish)


@pytest.fixture
def recorder():
    return ShadowRecorder()


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def scorer(recorder, now):
    scorer = ShadowScorer(recorder, most_waiting_rows=8, most_waiting_bytes=1_000, clock=lambda: now[0])
    yield scorer
    scorer.close(SECONDS)


def test_every_shadow_scores_the_same_rows_on_a_thread_of_its_own(scorer, recorder):
    threads = []

    class Watching(WeightedSum):
        features = LIVE.model.features

        def predict(self, features):
            threads.append(threading.current_thread().name)
            return features.sum(axis=1)

    watching = Watching([], [])
    watching.features = LIVE.model.features
    scorer.offer(make_answered([[1, 2], [3, 4]], [make_shadow(), make_shadow(watching, 3)]))
    recorder.await_told(compared=2)
    assert recorder.compared == [
        Compared(1, 2, [21.0, 43.0], [42.0, 86.0]),
        Compared(1, 3, [21.0, 43.0], [3.0, 7.0]),
    ]
    assert threads == ["shadow"]
    assert recorder.dropped == 0


def test_what_a_shadow_gives_is_put_out(scorer, recorder):
    published = []

    def publish(shadow, rows, scores):
        published.append((shadow.version, rows.tolist(), scores.tolist()))
        done.set()

    done = threading.Event()
    scorer.offer(make_answered([[1, 2], [3, 4]], [make_shadow()], publish=publish))
    assert done.wait(SECONDS)
    assert published == [(2, [0, 1], [42.0, 86.0])]


def test_nobody_waits_for_a_shadow_and_what_is_too_much_is_dropped_and_counted(scorer, recorder):
    """Eight rows may wait, with those that are being scored; two shadows miss each row twice."""
    held = Held()
    scorer.offer(make_answered([[1, 1]] * 4, [make_shadow(held)]))
    assert held.entered.wait(SECONDS)
    scorer.offer(make_answered([[2, 2]] * 4, [make_shadow(held)]))
    scorer.offer(make_answered([[3, 3]], [make_shadow(held), make_shadow(held, 3)]))
    assert (recorder.dropped, recorder.compared) == (2, [])
    held.release.set()
    recorder.await_told(compared=2)
    scorer.offer(make_answered([[4, 4]] * 8, [make_shadow(held)]))
    recorder.await_told(compared=3)
    assert [len(each.scores) for each in recorder.compared] == [4, 4, 8]
    assert recorder.dropped == 2


def test_large_records_are_dropped_long_before_their_rows_are_too_many(scorer, recorder):
    held = Held()
    scorer.offer(make_answered([[1, 1]], [make_shadow(held)], payload_bytes=500))
    assert held.entered.wait(SECONDS)
    scorer.offer(make_answered([[1, 1]], [make_shadow(held)], payload_bytes=500))
    assert recorder.dropped == 1
    held.release.set()
    recorder.await_told(compared=1)


def test_what_is_larger_than_all_that_may_wait_is_scored_when_nothing_else_is_there(scorer, recorder):
    scorer.offer(make_answered([[1, 1]] * 20, [make_shadow()], payload_bytes=5_000))
    recorder.await_told(compared=1)
    assert len(recorder.compared[0].scores) == 20
    assert recorder.dropped == 0


def test_other_features_are_read_again_and_settled(scorer, recorder):
    """A row that cannot be read, and one with a null where the shadow takes none, are dropped and counted."""
    features = [Feature("z", nullable=False)]
    asked = []

    def read(wanted):
        asked.append(wanted)
        return np.array([0, 2, 3]), np.array([[5.0], [np.nan], [7.0]])

    shadow = make_shadow(WeightedSum(features, [1.0]))
    scorer.offer(make_answered([[1, 0], [2, 0], [3, 0], [4, 0]], [shadow], read=read))
    recorder.await_told(compared=1, dropped=2)
    assert recorder.compared == [Compared(1, 2, [1.0, 4.0], [5.0, 7.0])]
    assert recorder.dropped == 2
    assert asked == [FeatureSet(tuple(features))]


def test_rows_of_which_none_can_be_read_are_counted_and_told_of_once(scorer, recorder, caplog):
    shadow = make_shadow(WeightedSum([Feature("z")], [1.0]))
    with caplog.at_level(logging.WARNING, "scoreline.shadow"):
        for _ in range(3):
            answered = make_answered([[1, 0]], [shadow], read=lambda _: (np.empty(0, dtype=np.intp), np.empty((0, 1))))
            scorer.offer(answered)
        recorder.await_told(dropped=3)
        scorer.close(SECONDS)
    assert (recorder.dropped, recorder.compared) == (3, [])
    (told,) = caplog.records
    assert "it can score none of 1 rows" in told.error


def test_scores_that_are_not_finite_are_dropped_and_counted(scorer, recorder):
    published = []

    class Brittle(WeightedSum):
        def predict(self, features):
            return np.where(features[:, 0] == 2, np.inf, features[:, 0])

    brittle = Brittle([], [])
    brittle.features = LIVE.model.features
    rows = [[1, 0], [2, 0], [3, 0]]
    scorer.offer(
        make_answered(rows, [make_shadow(brittle)], publish=lambda _, rows, __: published.append(rows.tolist()))
    )
    recorder.await_told(compared=1, dropped=1)
    assert recorder.compared == [Compared(1, 2, [1.0, 3.0], [1.0, 3.0])]
    assert published == [[0, 2]]


def test_a_shadow_that_raises_is_told_once_and_counted_and_the_thread_goes_on(scorer, recorder, now, caplog):
    """However long it lasts, and although another shadow, and the same one on another way, are well meanwhile."""
    errors = [error for i in range(3) for error in (ZeroDivisionError(f"batch {i}"), None)]
    failing = make_shadow(Failing(*errors), 7)
    with caplog.at_level(logging.WARNING, "scoreline.shadow"):
        for batch in range(3):
            now[0] = batch * QUIET_SECONDS
            scorer.offer(make_answered([[1, 1]] * 2, [failing, make_shadow()]))
            scorer.offer(make_answered([[1, 1]] * 2, [failing], publish=lambda *_: None))
            recorder.await_told(compared=2 * (batch + 1), dropped=2 * (batch + 1))
    assert recorder.dropped == 6
    assert sorted(each.shadow for each in recorder.compared) == [2, 2, 2, 7, 7, 7]
    (told,) = caplog.records
    assert (told.event, told.version, told.error) == ("shadow_failed", 7, "ZeroDivisionError: batch 0")
    assert told.exc_info is not None


def test_a_trouble_is_told_again_after_it_was_well_but_not_every_moment(scorer, recorder, now, caplog):
    """A named error needs no trace."""
    away, none = Refused("there is no topic"), None
    failing = make_shadow(Failing(away, none, away, none, away))
    with caplog.at_level(logging.WARNING, "scoreline.shadow"):
        for done, moment in enumerate((0.0, 1.0, 2.0, 3.0, QUIET_SECONDS), 1):
            now[0] = moment
            scorer.offer(make_answered([[1, 1]], [failing]))
            recorder.await_told(compared=done // 2, dropped=(done + 1) // 2)
        scorer.close(SECONDS)
    assert [record.exc_info for record in caplog.records] == [None, None]


def test_what_cannot_be_put_out_is_counted_although_it_was_compared(scorer, recorder):
    def refuse(*_):
        raise Refused("there is no topic")

    scorer.offer(make_answered([[1, 1]] * 3, [make_shadow()], publish=refuse))
    recorder.await_told(compared=1, dropped=3)
    assert recorder.dropped == 3


def test_scores_of_another_shape_than_promised_are_refused(scorer, recorder, caplog):
    class Wide(WeightedSum):
        def predict(self, features):
            return np.zeros((len(features), 2))

    wide = Wide([], [])
    wide.features = LIVE.model.features
    with caplog.at_level(logging.WARNING, "scoreline.shadow"):
        scorer.offer(make_answered([[1, 1]], [make_shadow(wide)]))
        recorder.await_told(dropped=1)
        scorer.close(SECONDS)
    assert caplog.records[0].error.startswith(ModelRejected.__name__)


def test_a_close_drops_what_waits_ends_the_thread_and_refuses_what_comes_later(recorder):
    scorer, held = ShadowScorer(recorder), Held()
    scorer.offer(make_answered([[1, 1]], [make_shadow(held)]))
    assert held.entered.wait(SECONDS)
    scorer.offer(make_answered([[1, 1]] * 3, [make_shadow(held), make_shadow(held, 3)]))
    scorer.close(0.0)
    assert recorder.dropped == 6
    held.release.set()
    scorer.close(SECONDS)
    assert not scorer._thread.is_alive()
    assert len(recorder.compared) == 1
    scorer.offer(make_answered([[1, 1]] * 2, [make_shadow()]))
    assert recorder.dropped == 8


def test_a_close_without_any_shadow_has_nothing_to_wait_for(recorder):
    ShadowScorer(recorder).close(SECONDS)
    assert recorder.dropped == 0


def test_the_thread_that_waits_holds_on_to_nothing(recorder):
    """A version that was let go would stay in memory until more comes, which may be never."""
    scorer, model = ShadowScorer(recorder), Failing()
    ended = threading.Event()
    weakref.finalize(model, ended.set)
    scorer.offer(make_answered([[1, 1]], [make_shadow(model)]))
    recorder.await_told(compared=1)
    del model
    assert ended.wait(SECONDS)
    scorer.close(SECONDS)
