"""A permission that was refused is looked at until it is found to be granted."""

import pytest

from scoreline.kafka.member.refusals import RefusalNotes
from scoreline.records import TopicPartition

OFFSETS = {TopicPartition("features", 0): 1}


@pytest.mark.parametrize("name", ["TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"])
def test_a_refusal_is_open_until_it_is_settled(name):
    notes = RefusalNotes()
    assert not notes.open
    notes.client_error(name, "detail")
    assert notes.open
    notes.settle(notes.noted)
    assert not notes.open


def test_a_refused_commit_is_a_refusal_and_an_accepted_one_settles_nothing():
    notes = RefusalNotes()
    notes.commit_answered(OFFSETS, "GROUP_AUTHORIZATION_FAILED")
    notes.commit_answered(OFFSETS, None)
    assert notes.open


def test_what_permissions_have_nothing_to_do_with_is_no_refusal():
    notes = RefusalNotes()
    notes.client_error("_TRANSPORT", "Connection refused")
    notes.commit_answered(OFFSETS, "ILLEGAL_GENERATION")
    assert not notes.open


def test_a_refusal_that_comes_while_the_cluster_is_asked_stays_open():
    """The answer may be older than it."""
    notes = RefusalNotes()
    notes.client_error("TOPIC_AUTHORIZATION_FAILED", "detail")
    asked = notes.noted
    notes.client_error("TOPIC_AUTHORIZATION_FAILED", "detail")
    notes.settle(asked)
    assert notes.open
