"""Tables on a pipe, JSON for scripts."""

import json

from scoreline.cli.output import align, print_json, print_table, show_progress

ROWS = [{"name": "features", "partitions": 6, "there": True}, {"name": "a", "partitions": None, "there": False}]


def test_columns_are_as_wide_as_what_is_in_them():
    assert list(align(ROWS)) == [
        "name      partitions  there",
        "features  6           true",
        "a         -           false",
    ]


def test_no_rows_make_no_lines():
    assert list(align([])) == []


def test_a_table_on_a_pipe_is_plain(capsys):
    print_table(ROWS, title="Topics")

    assert capsys.readouterr().out.splitlines() == list(align(ROWS))


def test_json_is_one_document(capsys):
    print_table(ROWS, as_json=True)

    assert json.loads(capsys.readouterr().out) == ROWS


def test_json_keeps_what_people_read(capsys):
    print_json({"name": "Zürich"})

    assert capsys.readouterr().out == '{"name": "Zürich"}\n'


def test_progress_is_silent_on_a_pipe(capsys):
    with show_progress("to features", 10) as advance:
        advance(10)

    assert capsys.readouterr() == ("", "")


def test_numbers_that_json_does_not_have_become_strings(capsys):
    print_json({"a": [float("nan"), float("inf"), -float("inf"), 1.5]})

    assert capsys.readouterr().out == '{"a": ["NaN", "Infinity", "-Infinity", 1.5]}\n'
