"""What the topics of jobs should be."""

import dataclasses

import pytest

from scoreline.cli.job_topics import CHUNK_HEADROOM_BYTES, find_job_misfits, plan_job_topics
from scoreline.config.settings import Settings


def plan(**settings):
    return {topic.name: topic for topic in plan_job_topics(Settings(**settings), partitions=4, replication_factor=3)}


def replace(topic, **configs):
    return dataclasses.replace(topic, configs={**topic.configs, **{k.replace("_", "."): v for k, v in configs.items()}})


def test_a_chunk_of_one_long_line_fits_into_its_topics():
    topics = plan(jobs_max_line_bytes=5_000_000)

    for name in ("jobs", "jobs.bulk", "jobs.dead-letters"):
        assert int(topics[name].configs["max.message.bytes"]) >= 5_000_000 + CHUNK_HEADROOM_BYTES
    assert {topic.partitions for topic in topics.values()} == {4}


def test_events_are_kept_twice_as_long_as_results():
    topics = plan()

    results, events = (topics[name].configs for name in ("job-results", "job-events"))
    assert int(events["retention.ms"]) == 2 * int(results["retention.ms"])
    assert events["cleanup.policy"] == "compact,delete"


def test_what_was_planned_fits():
    assert find_job_misfits(Settings(), plan()) == {}


def test_what_may_not_be_seen_is_not_judged():
    hidden = {name: dataclasses.replace(topic, configs={}) for name, topic in plan().items()}

    assert find_job_misfits(Settings(), hidden) == {}


@pytest.mark.parametrize(
    ("name", "configs", "told"),
    [
        ("jobs.bulk", {"max_message_bytes": "1048588"}, "max.message.bytes is 1048588"),
        ("job-results", {"cleanup_policy": "compact,delete"}, "only the last is kept"),
        ("job-events", {"cleanup_policy": "compact"}, "grows with every job"),
        ("job-events", {"retention_ms": "604800000"}, "keep events twice as long"),
    ],
)
def test_what_is_less_than_planned_is_told(name, configs, told):
    topics = plan()
    topics[name] = replace(topics[name], **configs)

    notes = find_job_misfits(Settings(), topics)
    assert list(notes) == [name]
    assert told in notes[name]


def test_results_that_are_kept_for_ever_need_events_that_are():
    topics = plan()
    topics["job-results"] = replace(topics["job-results"], retention_ms="-1")

    assert "keep events" in find_job_misfits(Settings(), topics)["job-events"]
    topics["job-events"] = replace(topics["job-events"], retention_ms="-1")
    assert find_job_misfits(Settings(), topics) == {}
