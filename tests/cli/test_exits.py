"""Exit codes: one table for the whole tree of errors."""

import io

import pytest

from scoreline import errors
from scoreline.cli import commands, main
from scoreline.cli.exits import EXIT_CODES, find_exit_code, report
from scoreline.errors import ConfigError, InstanceProblem, InvalidInstances, ServiceError, Unavailable


def leaves(root):
    below = root.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [root]


def errors_of_the_tree():
    return [leaf for leaf in leaves(ServiceError) if leaf.__module__ == errors.__name__]


@pytest.mark.parametrize("leaf", errors_of_the_tree(), ids=lambda leaf: leaf.__name__)
def test_every_error_of_the_tree_is_in_the_table_or_below_one_that_is(leaf):
    above = [c for c in leaf.__mro__ if c in EXIT_CODES]

    assert above, f"{leaf.__name__} has no exit code: add it, or one of its parents, to scoreline.cli.exits"
    assert find_exit_code(leaf.__new__(leaf)) == EXIT_CODES[above[0]]


def test_the_table_has_no_entry_for_everything():
    """Else no error could ever be missing from it."""
    assert ServiceError not in EXIT_CODES


@pytest.mark.parametrize(
    ("name", "code"),
    [("ConfigError", 2), ("Unavailable", 3), ("Refused", 3), ("SchemaNotFound", 3), ("ModelRejected", 3),
     ("DeliveryError", 3), ("FatalClientError", 1)],
)  # fmt: skip
def test_codes_are_those_of_the_contract(name, code):
    error = getattr(errors, name)

    assert find_exit_code(error("x")) == code


def test_every_problem_stands_on_a_line_of_its_own():
    told = io.StringIO()
    report(ConfigError("one", "two"), told)

    assert told.getvalue() == "error: 2 problems\n  - one\n  - two\n"


def test_a_single_problem_needs_no_list():
    told = io.StringIO()
    report(Unavailable("the broker is away"), told)

    assert told.getvalue() == "error: the broker is away\n"


def test_rows_of_a_caller_are_told_with_their_feature():
    told = io.StringIO()
    report(InvalidInstances([InstanceProblem(3, "is null", "temp"), InstanceProblem(4, "is no object")]), told)

    assert "row 3, temp: is null" in told.getvalue()
    assert "row 4: is no object" in told.getvalue()


class TestMain:
    """What ends a command becomes the exit code."""

    @pytest.fixture
    def raising(self, monkeypatch):
        """Make every command raise."""

        def arrange(error):
            def command(*_):
                raise error

            monkeypatch.setattr(commands, "make_command", lambda: command)

        return arrange

    def test_a_named_error_is_told_and_looked_up(self, raising, capsys):
        raising(ConfigError("SCORELINE_X: wrong"))

        assert main([]) == 2
        assert capsys.readouterr().err == "error: SCORELINE_X: wrong\n"

    def test_anything_unforeseen_keeps_its_traceback(self, raising):
        raising(ZeroDivisionError())

        with pytest.raises(ZeroDivisionError):
            main([])

    @pytest.mark.parametrize(("ended", "code"), [(0, 0), (2, 2), (130, 130), ("told", 1)])
    def test_a_code_that_was_chosen_is_kept(self, raising, ended, code):
        raising(SystemExit(ended))

        assert main([]) == code


@pytest.mark.parametrize("arguments", [["rnu"], ["run", "--rolle", "x"], ["produce"], ["tail", "--max", "many"]])
def test_bad_arguments_end_with_2(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err


def test_ctrl_c_ends_with_130(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("scoreline.config.roles.choose_roles", interrupted)

    assert main(["run"]) == 130
    assert "Traceback" not in capsys.readouterr().err
