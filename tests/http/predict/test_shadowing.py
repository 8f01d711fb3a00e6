"""What `POST /predict` has answered is scored by the shadows of its route as well."""

import threading

import pytest

from scoreline.features import Feature
from scoreline.models.routes import Route
from scoreline.scoring.shadows import ShadowScorer
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.sidecars import make_model, serve
from tests.shadow_recorder import SECONDS, Compared, ShadowRecorder

ROWS = [{"a": 1.0, "b": 2.0}, {"a": 3.0}]


@pytest.fixture
def recorder():
    return ShadowRecorder()


@pytest.fixture
def scorer(recorder):
    scorer = ShadowScorer(recorder)
    yield scorer
    scorer.close(SECONDS)


def make_versions(route, **models):
    return FixedVersions({int(name[1:]): model for name, model in models.items()}, {"production": route})


async def test_a_request_is_answered_by_one_version_and_compared_with_its_shadows(scorer, recorder):
    """Small ones on the loop, large ones on a thread."""
    versions = make_versions(Route.of({1: 1}, (2,)), v1=make_model(1.0, 10.0), v2=make_model(2.0, 20.0))
    async with serve(versions, shadows=scorer) as running:
        answer = (await running.predict(ROWS)).json
        assert (answer["version"], answer["predictions"]) == (1, [21.0, 3.0])
        recorder.await_told(compared=1)
        assert recorder.compared == [Compared(1, 2, [21.0, 3.0], [42.0, 6.0])]
        assert len((await running.predict(ROWS * 100)).json["predictions"]) == 200
        recorder.await_told(compared=2)
        assert recorder.compared[1].shadowed == [42.0, 6.0] * 100


async def test_a_shadow_with_other_features_reads_the_request_for_itself(scorer, recorder):
    """What it knows and the version that answers does not is no mistake of the caller's, and the other way round."""
    other = WeightedSum([Feature("c"), Feature("a")], [100.0, 1.0])
    versions = make_versions(Route.of({1: 1}, (2,)), v1=make_model(1.0, 10.0), v2=other)
    async with serve(versions, shadows=scorer) as running:
        answer = await running.predict([{"a": 1.0, "b": 2.0, "c": 3.0}])
        assert answer.json["predictions"] == [21.0]
        recorder.await_told(compared=1)
        assert recorder.compared == [Compared(1, 2, [21.0], [301.0])]
        assert (await running.predict([{"a": 1.0, "d": 2.0}])).status == 422
    assert recorder.dropped == 0


async def test_a_request_that_a_shadow_cannot_take_is_answered_all_the_same(scorer, recorder):
    other = WeightedSum([Feature("c", nullable=False)], [1.0])
    versions = make_versions(Route.of({1: 1}, (2,)), v1=make_model(1.0, 10.0), v2=other)
    async with serve(versions, shadows=scorer) as running:
        assert (await running.predict(ROWS)).status == 200
        assert (await running.predict([{"a": 1.0, "c": "text"}])).status == 200
        recorder.await_told(dropped=3)
    assert (recorder.compared, recorder.dropped) == ([], 3)


async def test_a_pin_and_a_refused_request_have_no_shadow(scorer, recorder):
    versions = make_versions(Route.of({1: 1}, (2,)), v1=make_model(1.0, 10.0), v2=make_model(2.0, 20.0))
    async with serve(versions, shadows=scorer) as running:
        assert (await running.predict(ROWS, "?version=1")).status == 200
        assert (await running.predict([{"a": "text"}])).status == 422
    scorer.close(SECONDS)
    assert (recorder.compared, recorder.dropped) == ([], 0)


async def test_no_answer_waits_for_a_shadow(recorder):
    """Two rows may wait: the next ones are dropped, and answered like any others."""
    entered, release = threading.Event(), threading.Event()

    class Slow(WeightedSum):
        def predict(self, features):
            entered.set()
            assert release.wait(SECONDS)
            return super().predict(features)

    live = make_model(1.0, 10.0)
    versions = make_versions(Route.of({1: 1}, (2,)), v1=live, v2=Slow([Feature("a")], [2.0]))
    scorer = ShadowScorer(recorder, most_waiting_rows=2)
    async with serve(versions, shadows=scorer) as running:
        for _ in range(5):
            assert (await running.predict(ROWS[:1])).status == 200
        assert entered.wait(SECONDS)
        assert recorder.dropped == 3
        release.set()
        recorder.await_told(compared=2)
    scorer.close(SECONDS)


async def test_a_sidecar_without_shadows_answers_on_a_route_that_has_some():
    versions = make_versions(Route.of({1: 1}, (2,)), v1=make_model(1.0, 10.0), v2=make_model(2.0, 20.0))
    async with serve(versions) as running:
        assert (await running.predict(ROWS)).json["predictions"] == [21.0, 3.0]
