from scoreline.features import Feature, ValueProblem
from scoreline.http.inference_v2.problems import RowProblems
from scoreline.records import Reason


def test_what_settling_finds_is_told_unless_the_value_has_its_problem_already():
    problems = RowProblems()
    problems.add(3, "no number", "a")
    settled = [ValueProblem(3, Feature(name), Reason.MISSING_FEATURE, "is null") for name in ("a", "b")]
    error = problems.refuse([*settled, ValueProblem(1, Feature("a"), Reason.MISSING_FEATURE, "is null")])
    told = [(each.instance, each.feature, each.detail) for each in error.problems]
    assert told == [(1, "a", "is null"), (3, "a", "no number"), (3, "b", "is null")]


def test_of_the_first_bad_rows_that_were_found_everything_is_told_and_of_others_one_thing():
    """A hundred rows are told in full, and no more are kept so."""
    problems = RowProblems()
    for feature in ("a", "b"):
        for row in reversed(range(150)):
            problems.add(row, "wrong", feature)
    told = [each.instance for each in problems.refuse([]).problems]
    assert told.count(149) == 1
    assert [told.count(row) for row in (0, 49, 50, 99)] == [1, 1, 2, 2]
