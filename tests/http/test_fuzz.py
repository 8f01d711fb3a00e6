import json

import numpy as np
import pytest

from tests.http.fuzz import judge, run
from tests.http.fuzz_bodies import BodyMaker
from tests.http.fuzz_oracle import Unreadable, publish_model
from tests.http.fuzz_wide import WideMaker, publish_wide_model

PROBLEM = "application/problem+json"
GOOD = b'{"instances": [{"strict": 1.5, "place": "Bern"}]}'
BAD = b'{"instances": [{"strict": "1.5"}]}'


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    return publish_model(tmp_path_factory.mktemp("fuzzed"))


@pytest.mark.slow
def test_no_body_is_answered_wrongly_or_harms_the_service(tmp_path):
    """The short form of `python -m tests.http.fuzz`; the whole one takes a minute."""
    outcome = run(tmp_path, bodies=4000, seed=3)
    assert outcome.findings == ()
    assert min(outcome.statuses[status] for status in (200, 400, 422)) > 200
    assert outcome.grown_bytes < 32 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "told", "why"),
    [
        (GOOD, 200, {"predictions": [0.0]}, "should have been"),
        (BAD, 200, {"predictions": [0.0]}, "was answered"),
        (GOOD, 422, {}, "was refused"),
        (BAD, 500, {}, "no answer that a caller may cause"),
        (BAD, 400, {"status": 400}, "no whole problem"),
        (
            BAD,
            422,
            {"type": "", "title": "", "status": 422, "detail": "", "errors": [{"instance": -1, "detail": "x"}]},
            "no instance",
        ),
    ],
)
def test_the_fuzzer_finds_an_answer_that_is_wrong(oracle, body, status, told, why):
    found = judge(oracle, body, status, PROBLEM, json.dumps(told).encode(), ignore_unknown=False)
    assert found is not None
    assert why in found


@pytest.mark.slow
def test_the_bodies_are_good_and_bad_and_the_same_for_a_seed(oracle):
    maker, again = BodyMaker(5), BodyMaker(5)
    bodies = [maker.make() for _ in range(300)]
    assert bodies == [again.make() for _ in range(300)]

    def is_good(body):
        try:
            return bool(oracle.score(body, ignore_unknown=False))
        except Unreadable:
            return False

    assert 50 < sum(map(is_good, bodies)) < 250


@pytest.mark.slow
def test_the_fuzzer_finds_what_is_told_of_a_wide_model_and_is_wrong(tmp_path):
    """Each row that is bad is counted; of the first ones as many values are told as may be, and none that is right."""
    wide, maker = publish_wide_model(tmp_path, "wide"), WideMaker(1, "wide", 1)
    good, bad = (
        next(r for r in iter(maker.make, None) if 0 < len(r.rows) <= 20 and r.wrong.any() == w) for w in (0, 1)
    )
    row, column = (int(each) for each in np.argwhere(bad.wrong)[0])
    named = [{"instance": row, "feature": f"f{column}", "detail": "is null"}]
    count = int(bad.wrong.any(axis=1).sum())
    refused = {"detail": f"{count} of the instances cannot be scored", "errors": named}
    told = [
        (good, 422, refused, "was refused"),
        (good, 200, {"predictions": [0.5]}, "should have been"),
        (bad, 200, {"predictions": [0.5]}, "should have been refused"),
        (bad, 503, {}, "should have been refused"),
        (bad, 422, refused | {"detail": "900 of the instances"}, "should have counted"),
        (bad, 422, refused | {"errors": []}, "tells of other rows"),
        (bad, 422, refused | {"errors": named * 2, "detail": refused["detail"]}, "too much"),
    ]
    for asked, status, answer, why in told:
        found = wide.find_fault(asked, status, json.dumps(answer).encode())
        assert found is not None, why
        assert why in found
