import inspect

import msgspec
import pytest

import scoreline.errors
import scoreline.http.errors
from scoreline.errors import (
    DeliveryError,
    InstanceProblem,
    InvalidInstances,
    Overloaded,
    RequestTooLarge,
    ServiceError,
    Unavailable,
)
from scoreline.http.errors import PROBLEMS, Refusal, answer_problem, find_problem
from tests.http.sidecars import PROBLEM_JSON


def leaves(root, module):
    found = [c for _, c in inspect.getmembers(module, inspect.isclass) if issubclass(c, root)]
    return [c for c in found if not any(issubclass(other, c) and other is not c for other in found)]


LEAVES = leaves(ServiceError, scoreline.errors) + leaves(Refusal, scoreline.http.errors)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda c: c.__name__)
def test_every_error_has_an_entry_of_its_own(leaf):
    """A new error does not become a 500 by nobody's decision."""
    assert leaf in PROBLEMS


def test_every_error_in_the_table_exists():
    """Leaves, and the one parent that is raised itself."""
    assert {c for c in PROBLEMS if c is not Exception} == {*LEAVES, DeliveryError}


def test_titles_and_slugs_go_together():
    """A caller that switches on `type` needs no other field; only what is told of the inside shares one."""
    shared = {"internal", "unavailable"}
    slugs = [p.slug for p in PROBLEMS.values() if p.slug not in shared]
    assert len(slugs) == len(set(slugs))
    assert all(p.status >= 500 for p in PROBLEMS.values() if p.slug in shared)


def test_a_subclass_is_told_as_its_parent():
    class Throttled(Overloaded):
        pass

    assert find_problem(Throttled("slow down")).status == 429


def test_a_problem_has_type_title_status_and_detail():
    answer = answer_problem(RequestTooLarge("the body is larger than 5 bytes"))
    assert (answer.status, answer.content_type) == (413, PROBLEM_JSON)
    assert msgspec.json.decode(answer.body) == {
        "type": "urn:scoreline:problem:too-large",
        "title": "The request is too large",
        "status": 413,
        "detail": "the body is larger than 5 bytes",
    }


def test_bad_rows_are_listed():
    answer = answer_problem(InvalidInstances([InstanceProblem(3, "is null", "temp"), InstanceProblem(4, "no object")]))
    assert msgspec.json.decode(answer.body)["errors"] == [
        {"instance": 3, "feature": "temp", "detail": "is null"},
        {"instance": 4, "detail": "no object"},
    ]


def test_what_the_service_does_wrong_is_told_without_its_details():
    """Paths and addresses stay in the log."""
    for error in (Unavailable("s3://secret-bucket"), ValueError("/home/model.txt")):
        assert b"secret" not in answer_problem(error).body
        assert b"home" not in answer_problem(error).body


def test_a_detail_has_a_bounded_length():
    detail = msgspec.json.decode(answer_problem(RequestTooLarge("x" * 10_000)).body)["detail"]
    assert len(detail) == 500


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (1.0, "1"), (2.5, "3")])
def test_retry_after_is_in_whole_seconds(seconds, header):
    answer = answer_problem(Overloaded("too much", retry_after_seconds=seconds))
    assert ("Retry-After", header) in answer.headers
