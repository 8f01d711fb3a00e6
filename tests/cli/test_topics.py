"""Which topics are made, and with what settings."""

import dataclasses

import pytest

from scoreline.cli.topics import HEADER_BYTES, KEPT_MS, copy_schemas, create_topics, find_misfit, plan_topics
from scoreline.config.settings import Settings
from scoreline.errors import ConfigError, Refused
from scoreline.kafka.cluster.admin import TopicDescription
from scoreline.schemas.fixed import (
    DRIFT_EVENT_ID,
    JOB_CHUNK_ID,
    JOB_EVENT_ID,
    JOB_RESULT_ID,
    LABEL_ID,
    PREDICTION_ID,
    prediction_schema,
)
from scoreline.schemas.folder import FolderCatalog

BROKER_DEFAULTS = {"max.message.bytes": "1048588", "retention.ms": "604800000", "cleanup.policy": "delete"}


class FakeAdmin:
    """Topics in a dictionary; the broker's default is 3 partitions."""

    def __init__(self, *topics):
        self.topics = {t.name: t for t in topics}

    def describe_topics(self, names):
        return {name: self.topics[name] for name in names if name in self.topics}

    def check_topics(self, names):
        if missing := set(names) - set(self.topics):
            raise Refused(f"missing: {missing}")
        return self.describe_topics(names)

    def create_topics(self, topics):
        for topic in topics:
            assert topic.name not in self.topics
            self.topics[topic.name] = dataclasses.replace(
                topic,
                partitions=3 if topic.partitions == -1 else topic.partitions,
                configs={**BROKER_DEFAULTS, **topic.configs},
            )
        return [topic.name for topic in topics]


def create(admin, *, partitions=-1, replication_factor=-1, shadow=False):
    return create_topics(admin, Settings(), partitions=partitions, replication_factor=replication_factor, shadow=shadow)


def test_missing_topics_are_made_with_the_partitions_of_the_input():
    admin = FakeAdmin()
    rows = create(admin, partitions=12, replication_factor=3)

    assert [(row["name"], row["state"], row["partitions"]) for row in rows] == [
        ("features", "created", 12),
        ("predictions", "created", 12),
        ("features.dead-letters", "created", 12),
        ("features.redrive", "created", 12),
        ("features.dead-letters.redriven", "created", 12),
        ("drift-events", "created", 1),
        ("jobs", "created", 12),
        ("jobs.bulk", "created", 12),
        ("job-results", "created", 12),
        ("job-events", "created", 12),
        ("jobs.dead-letters", "created", 12),
    ]
    assert {t.replication_factor for t in admin.topics.values()} == {3}
    assert not any(row["note"] for row in rows)


def test_the_topic_of_labels_and_their_schema_are_made_where_it_is_named(tmp_path):
    settings = Settings(labels_topic="truth", schema_dir=tmp_path)
    made = create_topics(FakeAdmin(), settings, partitions=5, replication_factor=3)
    assert [(row["name"], row["partitions"]) for row in made if row["kind"] == "labels"] == [("truth", 5)]

    copy_schemas(settings)
    assert (tmp_path / "truth-value" / f"{LABEL_ID}.avsc").exists()


def test_the_topic_of_shadows_is_made_only_where_it_is_asked_for():
    admin = FakeAdmin()
    create(admin, partitions=4)
    before = dict(admin.topics)
    rows = {row["name"]: row for row in create(admin, replication_factor=3, shadow=True)}

    assert "predictions.shadow" not in before
    assert {**admin.topics} == {**before, "predictions.shadow": admin.topics["predictions.shadow"]}
    made = rows["predictions.shadow"]
    assert (made["kind"], made["state"], made["partitions"], made["note"]) == ("shadow", "created", 4, "")
    assert admin.topics["predictions.shadow"].configs == admin.topics["predictions"].configs
    assert admin.topics["predictions.shadow"].replication_factor == 3
    assert {row["state"] for row in create(admin, shadow=True)} == {"there"}


def test_a_topic_of_shadows_that_does_not_fit_is_told():
    shadow = TopicDescription("predictions.shadow", 2, configs={**BROKER_DEFAULTS, "cleanup.policy": "compact"})
    admin = FakeAdmin(TopicDescription("features", 5, configs=BROKER_DEFAULTS), shadow)
    notes = {row["name"]: row["note"] for row in create(admin, shadow=True)}

    assert "2 partitions, the input has 5" in notes["predictions.shadow"]
    assert "compacted" in notes["predictions.shadow"]


def test_the_brokers_default_is_followed_too():
    admin = FakeAdmin()
    create(admin)

    assert {name: t.partitions for name, t in admin.topics.items()} == {
        **dict.fromkeys(admin.topics, 3),
        "drift-events": 1,
    }


def test_what_is_there_is_left_as_it_is():
    there = TopicDescription("predictions", 2, configs={**BROKER_DEFAULTS, "max.message.bytes": "1000"})
    admin = FakeAdmin(TopicDescription("features", 5, configs=BROKER_DEFAULTS), there)
    rows = {row["name"]: row for row in create(admin, partitions=12)}

    assert admin.topics["predictions"] is there
    assert rows["features"]["state"] == rows["predictions"]["state"] == "there"
    assert rows["features.dead-letters"]["partitions"] == 5
    assert "12 partitions were asked for" in rows["features"]["note"]
    assert "left as it is" in rows["features"]["note"]
    assert "2 partitions, the input has 5" in rows["predictions"]["note"]
    assert "max.message.bytes is 1000" in rows["predictions"]["note"]


def test_a_second_time_changes_nothing():
    admin = FakeAdmin()
    create(admin)

    again = [*create(admin), *create(admin, partitions=3)]
    assert {row["state"] for row in again} == {"there"}
    assert not any(row["note"] for row in again)


def test_a_dead_letter_has_room_for_its_record_and_our_headers():
    source = TopicDescription("features", 4, configs={"max.message.bytes": "9000000"})
    output, letters, redrive, *_ = plan_topics(Settings(), source)

    assert output.configs["max.message.bytes"] == "9000000"
    assert letters.configs["max.message.bytes"] == str(9_000_000 + HEADER_BYTES)
    assert redrive.configs == letters.configs


@pytest.mark.parametrize(
    ("source_ms", "kept_ms"), [("3600000", KEPT_MS), (str(KEPT_MS * 2), KEPT_MS * 2), ("-1", -1), ("", KEPT_MS)]
)
def test_dead_letters_are_kept_two_weeks_or_as_long_as_the_input(source_ms, kept_ms):
    _, letters, *_ = plan_topics(Settings(), TopicDescription("features", 1, configs={"retention.ms": source_ms}))

    assert letters.configs["retention.ms"] == str(kept_ms)


def test_a_compacted_topic_is_told():
    _, wanted, *_ = plan_topics(Settings(), TopicDescription("features", 1))
    compacted = dataclasses.replace(wanted, configs={**wanted.configs, "cleanup.policy": "compact,delete"})

    assert "compacted" in find_misfit(compacted, wanted)
    assert find_misfit(wanted, wanted) == ""


def test_markers_of_redrives_are_compacted_and_anything_else_is_told():
    *_, wanted, _ = plan_topics(Settings(), TopicDescription("features", 1))
    aging = dataclasses.replace(wanted, configs={"cleanup.policy": "compact,delete"})

    assert wanted.configs == {"cleanup.policy": "compact"}
    assert find_misfit(wanted, wanted) == ""
    assert "redriven twice" in find_misfit(aging, wanted)


def test_drift_events_are_kept_for_a_month_in_any_number_of_partitions():
    *_, wanted = plan_topics(Settings(), TopicDescription("features", 6))
    wider = dataclasses.replace(wanted, partitions=6)
    compacted = dataclasses.replace(wanted, configs={"cleanup.policy": "compact"})

    assert (wanted.name, wanted.partitions) == ("drift-events", 1)
    assert wanted.configs == {"cleanup.policy": "delete", "retention.ms": "2592000000"}
    assert find_misfit(wider, wanted) == ""
    assert "compacted" in find_misfit(compacted, wanted)


def test_a_configuration_that_may_not_be_seen_is_not_judged():
    for wanted in plan_topics(Settings(), TopicDescription("features", 1)):
        assert find_misfit(dataclasses.replace(wanted, configs={}), wanted) == ""


class TestSchemas:
    def test_are_copied_where_the_folder_is_the_registry(self, tmp_path):
        config = Settings(schema_dir=tmp_path / "schemas")

        assert {row["state"] for row in copy_schemas(config)} == {"created"}
        assert {row["state"] for row in copy_schemas(config)} == {"there"}
        catalog = FolderCatalog(tmp_path / "schemas")
        assert catalog.latest("predictions-value") == prediction_schema()
        assert {s.subject: s.schema_id for s in catalog.stored} == {
            "predictions-value": PREDICTION_ID,
            "jobs-value": JOB_CHUNK_ID,
            "jobs.bulk-value": JOB_CHUNK_ID,
            "job-results-value": JOB_RESULT_ID,
            "job-events-value": JOB_EVENT_ID,
            "drift-events-value": DRIFT_EVENT_ID,
        }

    def test_are_not_copied_beside_a_registry(self, tmp_path):
        config = Settings(schema_dir=tmp_path / "schemas", schema_registry_url="http://registry")

        assert copy_schemas(config) == []
        assert not (tmp_path / "schemas").exists()

    def test_that_cannot_be_written_are_a_bad_configuration(self, tmp_path):
        (tmp_path / "file").write_text("")

        with pytest.raises(ConfigError):
            copy_schemas(Settings(schema_dir=tmp_path / "file"))
