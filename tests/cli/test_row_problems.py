from scoreline.cli.row_problems import SHOWN_PROBLEMS, RowProblems


def describe(*problems):
    found = RowProblems("row")
    for number, text in problems:
        found.add(number, text)
    return found.describe()


def test_a_single_problem_names_its_row():
    assert describe((3, "a: is null")) == ["row 3: a: is null"]


def test_equal_problems_are_one_line():
    assert describe((1, "x"), (2, "y"), (3, "x")) == ["rows 1, 3: x", "row 2: y"]


def test_of_many_rows_with_one_problem_the_first_are_named_and_the_rest_is_counted():
    assert describe(*((n, "x") for n in range(1, 1001))) == ["rows 1, 2, 3 and 997 more: x"]


def test_of_many_different_problems_the_first_are_told_and_the_rows_of_the_rest_are_counted():
    lines = describe(*((n, f"is {n}") for n in range(SHOWN_PROBLEMS + 1)), (90, "b"), (90, "c"))

    assert len(lines) == SHOWN_PROBLEMS + 1
    assert lines[-1] == "2 more rows have other problems"


def test_nothing_wrong_is_no_line():
    assert describe() == []
