"""The short form of `python -m tests.torture.store`, and what its judge is worth."""

from dataclasses import replace

import pytest

from tests.torture.store import StoreOutcome, run_store_torture, s3_process

SECONDS = 5.0

SOUND = StoreOutcome(
    published={1: "a-0", 2: "b-0", 3: "a-1"},
    twice=[],
    deleted={2},
    looks=7,
    checked=3,
    failures=[],
    stored={1: "a-0", 3: "a-1"},
    history=[(1, 1, "a-0"), (2, 2, "b-0"), (3, 3, "a-1")],
)


def test_a_sound_store_breaks_no_promise():
    assert SOUND.find_violations() == []


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"twice": [2]}, "numbers were given twice"),
        ({"published": {1: "a-0", 3: "b-0", 4: "a-1"}}, "numbers were left out"),
        ({"stored": {1: "a-0"}}, "versions are lost"),
        ({"stored": {1: "a-0", 2: "b-0", 3: "a-1"}}, "versions are lost"),
        ({"stored": {1: "a-0", 3: "b-9"}}, "versions are lost"),
        ({"history": [(1, 1, "a-0"), (2, 2, "b-0"), (4, 3, "a-1")]}, "has gaps"),
        ({"history": [(1, 1, "a-0"), (2, 2, "b-0")]}, "not in its history once"),
        ({"history": [*SOUND.history, (4, 3, "a-1")]}, "not in its history once"),
        ({"failures": ["read r1: ModelRejected"]}, "members failed"),
        ({"checked": 0}, "nothing was"),
    ],
)
def test_every_broken_promise_is_found(change, violation):
    assert violation in " ".join(replace(SOUND, **change).find_violations())


@pytest.mark.slow
def test_many_at_once_on_a_folder_share_no_number_and_see_nothing_half_done(tmp_path, tell):
    outcome = run_store_torture(str(tmp_path / "store"), seconds=SECONDS)
    tell(outcome.describe())
    assert outcome.find_violations() == []


@pytest.mark.slow
def test_many_at_once_on_s3_share_no_number_and_see_nothing_half_done(tell):
    with s3_process() as url:
        outcome = run_store_torture(url, seconds=SECONDS)
    tell(outcome.describe())
    assert outcome.find_violations() == []
