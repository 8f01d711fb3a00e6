"""Judges that outlast their versions, within bounds."""

from scoreline.observability.drift.kept import Calibrated, KeptJudges
from tests.observability.drift.scenes import GRID, ScriptedJudge, make_baseline, make_version


def make_calibrated():
    baseline = make_baseline()
    return Calibrated(baseline, False, ScriptedJudge(baseline))


def test_what_is_kept_is_given_once():
    kept, calibrated = KeptJudges(), make_calibrated()
    kept.keep(make_version(3), calibrated)

    assert kept.take(make_version(4)) is None
    assert kept.take(make_version(3)) is calibrated
    assert kept.take(make_version(3)) is None


def test_the_oldest_go_where_there_are_too_many_or_too_many_bins():
    for bounds in ({"most": 2}, {"most_bins": 2 * GRID.size}):
        kept = KeptJudges(**bounds)
        for number in (1, 2, 3):
            kept.keep(make_version(number), make_calibrated())

        assert [kept.take(make_version(number)) is not None for number in (1, 2, 3)] == [False, True, True]
