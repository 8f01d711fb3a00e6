"""What holds of both clients and of their errors as a whole."""

import inspect
import pickle
import re

import pytest

from scoreline.client import AsyncClient, Client, ClientError, Problem, RowError, errors
from scoreline.client.exchange import Reply
from scoreline.client.reading import read_job
from scoreline.client.writing import write_row
from tests.client.jobs import tell_job

CALLS = [name for name, value in vars(Client).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.mark.parametrize("name", CALLS)
def test_both_have_the_same_calls_with_the_same_arguments(name):
    def read(cls):
        return [(p.name, p.kind, p.default) for p in inspect.signature(getattr(cls, name)).parameters.values()]

    assert read(AsyncClient) == read(Client)


def test_both_are_made_alike():
    def read(cls):
        parameters = inspect.signature(cls).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters if p.name != "sleep"]

    assert read(AsyncClient) == read(Client)
    assert len(CALLS) > 8


def test_the_tree_that_is_drawn_is_the_one_that_there_is():
    drawn, above = set(), []
    for line in errors.__doc__.splitlines():
        if line.startswith("    "):
            branch, name = re.match(r"    ([ │├└─]*)(\w+)", line).groups()
            above[len(branch) // 4 :] = [name]
            drawn.add((name, above[-2] if len(above) > 1 else "Exception"))
    trees = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ClientError)]

    assert drawn == {(tree.__name__, tree.__base__.__name__) for tree in trees}


def test_errors_survive_the_way_out_of_another_process():
    told = errors.InvalidRows(Problem(422, "urn:x", "Title", "bad", "r-1", None, (RowError(1, "is null", "a"),)))
    late = errors.WaitExpired(read_job(Reply(200, {}, write_row(tell_job()))), 2.0)

    again = pickle.loads(pickle.dumps(told))  # noqa: S301 - of our own
    assert (type(again), str(again), again.errors) == (errors.InvalidRows, str(told), told.errors)
    assert str(pickle.loads(pickle.dumps(late))) == str(late)  # noqa: S301 - of our own
