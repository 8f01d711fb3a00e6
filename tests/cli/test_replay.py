"""Arguments of a replay: what is refused before anything is asked of Kafka."""

import pytest

from scoreline.cli import main
from scoreline.cli.replay import find_live_topics, find_wrong_topics
from scoreline.config.environment import Variable
from scoreline.config.settings import Settings, load_settings

RANGE = ("--from", "2026-03-01", "--to", "2026-03-02")


@pytest.fixture(autouse=True)
def configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCORELINE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")


def run(capsys, *arguments):
    code = main(["replay", *arguments])
    return code, capsys.readouterr().err


def test_every_topic_that_a_variable_names_is_a_live_one():
    settings = load_settings(variables=[Variable("SCORELINE_INPUT_TOPIC", "rows", "test")])
    named = [name for name in Settings.variable_fields() if name.endswith("_topic")]

    live = find_live_topics(settings)

    assert {"SCORELINE_INPUT_TOPIC", "SCORELINE_OUTPUT_TOPIC", "SCORELINE_DEAD_LETTER_TOPIC"} <= live.keys()
    assert live.keys() == {f"SCORELINE_{name.upper()}" for name in named if getattr(settings, name)}
    for topic in live.values():
        assert find_wrong_topics([topic, f"{topic}.dead-letters"], live)


@pytest.mark.parametrize("topic", ["features", "predictions", "features.dead-letters"])
def test_a_live_topic_may_not_be_written_and_is_named_with_its_variable(topic, capsys):
    code, err = run(capsys, *RANGE, "--version", "1", "--output-topic", topic)

    assert code == 2
    assert f"would write to {topic}, which is SCORELINE_" in err


def test_dead_letters_of_a_replay_may_not_be_the_live_ones(capsys, monkeypatch):
    monkeypatch.setenv("SCORELINE_DEAD_LETTER_TOPIC", "again.dead-letters")

    code, err = run(capsys, *RANGE, "--version", "1", "--output-topic", "again")

    assert code == 2
    assert "would write to again.dead-letters, which is SCORELINE_DEAD_LETTER_TOPIC" in err


def test_both_moments_are_looked_at_at_once(capsys):
    code, err = run(capsys, "--from", "then", "--to", "now", "--version", "1", "--output-topic", "again")

    assert code == 2
    assert "--from: expected ISO 8601" in err
    assert "--to: expected ISO 8601" in err


@pytest.mark.parametrize("end", ["2026-03-01", "2026-02-01"])
def test_a_range_without_anything_in_it_is_refused(end, capsys):
    code, err = run(capsys, "--from", "2026-03-01", "--to", end, "--version", "1", "--output-topic", "again")

    assert code == 2
    assert "--from 2026-03-01T00:00:00.000Z has to be before --to" in err


@pytest.mark.parametrize(("option", "value"), [("--id", "a b"), ("--id", ""), ("--output-topic", "no topic")])
def test_names_that_kafka_would_not_take_are_refused(option, value, capsys):
    code, err = run(capsys, *RANGE, "--version", "1", "--output-topic", "again", option, value)

    assert code == 2
    assert f"{option}: " in err
