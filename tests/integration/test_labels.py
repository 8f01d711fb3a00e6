"""Labels come for predictions of the stream: early, late, twice, broken; docs/quality.md followed on the way."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.calls import read_metric
from tests.integration.commands import run_command
from tests.integration.label_calls import await_quality, await_reading, encode_label
from tests.integration.secured import judge_start, make_parts

PAGE = Path(__file__).parents[2] / "docs" / "quality.md"
ROWS = 3000
EARLY = 50
UNKNOWN = 20
DOCUMENTED_TOPIC = "labels"

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]


def follow_page(folder, topic, variables):
    """Every command of the page's steps, with its file beside it, on another topic."""
    steps = PAGE.read_text().split("## Three steps")[1].split("\n## ")[0]
    ((name, text),) = re.findall(r"^```json (\S+)\n(.*?)^```$", steps, re.MULTILINE | re.DOTALL)
    (folder / name).write_text(text)
    for block in re.findall(r"^```sh\n(.*?)^```$", steps, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            words = [topic if word == DOCUMENTED_TOPIC else word for word in shlex.split(line)]
            words = [str(folder / name) if word == name else word for word in words]
            if words[0] == "scoreline":
                done = run_command(words[1:], variables)
                assert done.returncode == 0, done.stderr + done.stdout
    return [json.loads(line) for line in text.splitlines()]


def test_the_quality_of_a_version_is_that_of_scikit_learn_on_the_same_pairs(
    deploy, make_topic, streamed_flights, tmp_path
):
    expected = streamed_flights.expected[:ROWS]
    truth = (np.random.default_rng(7).random(ROWS) < expected).astype(float)
    deployment = deploy()
    topic = make_topic(f"{deployment.input_topic}.labels", partitions=4, exact=True)
    variables = {**deployment.variables, "LABELS_TOPIC": topic}
    service, servers = (
        deploy(like=deployment, name="labelled", LABELS_TOPIC=topic).service,
        deployment.bootstrap_servers,
    )
    service.start().await_ready()
    await_reading(service)

    labels = [encode_label(f"flight-{n}", label) for n, label in enumerate(truth)]
    broken = [b"nonsense", None, encode_label("flight-7", None)]
    unknown = [encode_label(f"unknown-{n}", 1.0) for n in range(UNKNOWN)]
    early = labels[10 : 10 + EARLY]
    produce_records(
        servers, topic, [StoredRecord("", n % 2, 0, None, v) for n, v in enumerate(early + broken + unknown)]
    )
    await_quality(service, lambda told: told["waiting"] == EARLY + UNKNOWN)
    records = [
        StoredRecord("", n % 4, 0, None, deployment.encoder.encode({**row, "id": f"flight-{n}"}))
        for n, row in enumerate(streamed_flights.rows[:ROWS])
    ]
    produce_records(servers, deployment.input_topic, records)
    read_records(servers, deployment.output_topic, at_least=ROWS)
    await_quality(service, lambda told: told["joined"] == EARLY)

    documented = {row["id"]: row["label"] for row in follow_page(tmp_path, topic, variables)}
    known = {f"flight-{n}": label for n, label in enumerate(truth)}
    known |= {record_id: label for record_id, label in documented.items() if label is not None}
    await_quality(service, lambda told: told["joined"] == EARLY + 4)
    produce_records(servers, topic, [StoredRecord("", n % 3, 0, None, v) for n, v in enumerate(labels)])
    told = await_quality(service, lambda told: told["joined"] == ROWS and told["repeated"] == EARLY + 4)

    targets = np.array([known[f"flight-{n}"] for n in range(ROWS)])
    version = told["versions"]["1"]
    assert (version["kind"], version["labels"], version["latest_known_at_ms"]) == ("binary", ROWS, 1735689600000)
    assert version["auc"] == pytest.approx(roc_auc_score(targets, expected), abs=1e-12)
    assert version["log_loss"] == pytest.approx(log_loss(targets, expected), rel=1e-9)
    assert version["error"] == pytest.approx(((expected > 0.5) != targets).mean(), abs=1e-12)
    since = version["since_start"]
    assert since["auc"] == pytest.approx(version["auc"], abs=since["auc_within"])
    assert (told["waiting"], told["unreadable"], told["empty"], told["unmatched"]) == (UNKNOWN, 1, 3, 0)
    assert read_metric(service, 'quality_auc{version="1"}') == version["auc"]
    assert read_metric(service, 'labels_total{outcome="joined"}') == ROWS
    assert len(service.logs("labels_unreadable")) == 1
    assert service.terminate() == 0


def test_a_topic_of_labels_that_is_not_there_ends_the_start_with_its_cure(deploy):
    deployment = deploy()
    topic = f"{deployment.input_topic}.nowhere"
    verdict = judge_start(make_parts(deployment.variables), {**deployment.variables, "LABELS_TOPIC": topic})

    assert verdict.exit_code == 3
    assert f"the topic {topic} does not exist" in verdict.said
