"""Labels come for predictions of the stream: early, late, twice, broken; docs/quality.md followed on the way."""

import io
import json
import re
import shlex
import time
from pathlib import Path

import fastavro
import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from scoreline.schemas.fixed import LABEL_ID, load_fixed
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.calls import get, read_metric
from tests.integration.commands import run_command

PAGE = Path(__file__).parents[2] / "docs" / "quality.md"
ROWS = 3000
EARLY = 50
UNKNOWN = 20
DOCUMENTED_TOPIC = "labels"

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]


def encode(record_id, label):
    out = io.BytesIO(b"\x00" + LABEL_ID.to_bytes(4, "big"))
    out.seek(5)
    fastavro.schemaless_writer(out, load_fixed(LABEL_ID), {"id": record_id, "label": label})
    return out.getvalue()


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


def await_quality(service, condition, within_seconds=30.0):
    """What `/stats` says of quality, once it is what is waited for."""
    deadline = time.monotonic() + within_seconds
    while not condition(told := json.loads(get(service, "/stats"))["quality"]):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def await_reading(service, within_seconds=20.0):
    """Wait until labels are read from now on."""
    deadline = time.monotonic() + within_seconds
    while True:
        (component,) = [c for c in json.loads(get(service, "/health"))["components"] if c["name"] == "labels"]
        if component["detail"].startswith("reads"):
            return
        assert time.monotonic() < deadline, component
        time.sleep(0.05)


def test_the_quality_of_a_version_is_that_of_scikit_learn_on_the_same_pairs(
    deploy, kafka_topics, streamed_flights, tmp_path
):
    expected = streamed_flights.expected[:ROWS]
    truth = (np.random.default_rng(7).random(ROWS) < expected).astype(float)
    deployment = deploy()
    topic = f"{deployment.input_topic}.labels"
    variables = {**deployment.variables, "LABELS_TOPIC": topic}
    kafka_topics.adopt(topic)
    service, servers = (
        deploy(like=deployment, name="labelled", LABELS_TOPIC=topic).service,
        deployment.bootstrap_servers,
    )
    assert run_command(["topics", "create"], variables).returncode == 0
    service.start().await_ready()
    await_reading(service)

    labels = [encode(f"flight-{n}", label) for n, label in enumerate(truth)]
    broken = [b"nonsense", None, encode("flight-7", None)]
    unknown = [encode(f"unknown-{n}", 1.0) for n in range(UNKNOWN)]
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
    assert len(service.logs("label_unreadable")) == 1
    assert service.terminate() == 0


def test_a_topic_of_labels_that_is_not_there_ends_the_start_with_its_cure(deploy):
    deployment = deploy()
    topic = f"{deployment.input_topic}.nowhere"
    done = run_command(["run", "--role", "stream"], {**deployment.variables, "LABELS_TOPIC": topic, "HTTP_PORT": "0"})

    assert done.returncode == 3
    assert f"{topic} does not exist" in done.stderr + done.stdout
