"""Routes and shadows on a real broker: a key gets one version on every path, and what only watches harms nobody."""

import hashlib
import json
import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import lightgbm as lgb
import numpy as np
import pytest

from scoreline.models.publishing import Publication, publish
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.records import PIN_HEADER
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.callers import predict_each
from tests.integration.calls import get, read_metric
from tests.integration.commands import run_command
from tests.integration.predictions import decode_prediction

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

KEYS = 10_000
ROWS = 500
SHARES = {1: 60, 2: 30, 3: 10}
FAIR_UP_TO = 23.0
"""Chi-square over three shares that one of 100,000 fair routes exceeds."""

TREES = {1: 60, 2: 40, 3: 20, 4: 10}


def choose(key, weights=SHARES):
    """The rule as the contract has it, with exact numbers."""
    digest = hashlib.sha256(b"flights\x00" + key).digest()
    point = Fraction(int.from_bytes(digest[:8], "big"), 2**64)
    upto = 0
    for version in sorted(weights):
        upto += weights[version]
        if point < Fraction(upto, sum(weights.values())):
            return version
    raise AssertionError("a point lies below 1")


class Published:
    """Versions of the flights model of their own number of trees, and what each gives for the rows."""

    def __init__(self, flights, folder):
        self.store = ModelStore(str(folder / "models"))
        texts = {n: flights.booster.model_to_string(num_iteration=trees) for n, trees in TREES.items()}
        for text in texts.values():
            publish(self.store, Publication(name="flights", text=text.encode(), by="tests"))
        matrix = flights.matrix[:ROWS]
        self.expected = {n: lgb.Booster(model_str=t).predict(matrix, num_threads=1) for n, t in texts.items()}
        self.rows = flights.rows[:ROWS]
        self.bodies = [json.dumps({"instances": [row]}).encode() for row in self.rows]
        self.folder = folder
        self.other_features = self._publish_other_features()

    def _publish_other_features(self):
        data = lgb.Dataset(np.random.default_rng(1).normal(size=(200, 1)), np.arange(200.0), feature_name=["moon"])
        booster = lgb.train({"verbose": -1, "num_threads": 1}, data, 3)
        publication = Publication(name="flights", text=booster.model_to_string().encode(), by="tests")
        return publish(self.store, publication).version

    def route(self, weights, *shadows, alias="production"):
        self.store.set_alias("flights", alias, Route.of(weights, shadows), by="tests")


@pytest.fixture(scope="module")
def published(streamed_flights, tmp_path_factory):
    return Published(streamed_flights, tmp_path_factory.mktemp("routes"))


@pytest.fixture
def deploy_published(deploy, published):
    """`deploy`, with that store, and its cache, which remembers what was probed."""

    def start(**variables):
        return deploy(MODEL_STORE=published.store.url, CACHE_DIR=str(published.folder / "cache"), **variables)

    return start


def make_records(deployment, published, numbers, *, name_key=lambda n: b"key-%d" % n, partitions=4, **fields):
    """Rows in turn, their ids these numbers."""
    return [
        StoredRecord(
            "",
            n % partitions,
            0,
            name_key(n),
            deployment.encoder.encode({**published.rows[n % ROWS], "id": str(n)}),
            **fields,
        )
        for n in numbers
    ]


def check(records, published, numbers):
    """Each of the numbers once, with what the version that it names gives for its row; returns the versions."""
    found = {int(each["id"]): each for each in map(decode_prediction, records)}
    assert len(records) == len(found) == len(numbers)
    for n in numbers:
        assert found[n]["prediction"] == published.expected[found[n]["version"]][n % ROWS]
    return [found[n]["version"] for n in numbers]


def await_metric(service, name, at_least, within_seconds=20.0):
    deadline = time.monotonic() + within_seconds
    while (found := read_metric(service, name)) < at_least:
        assert time.monotonic() < deadline, f"{name} is {found}, and should be {at_least}"
        time.sleep(0.05)
    return found


def test_a_key_has_one_version_on_the_stream_and_over_http_before_and_after_a_restart_on_any_partition(
    deploy_published, published
):
    """10,000 keys, in proportion to the weights; each answer is that of the version that the written rule gives."""
    published.route(SHARES)
    deployment = deploy_published()
    service, servers = deployment.service, deployment.bootstrap_servers
    calls = [(b"key-%d" % n, published.bodies[n % ROWS]) for n in range(KEYS)]
    chosen = [choose(key) for key, _ in calls]
    counts, whole = Counter(chosen), sum(SHARES.values())
    shares = {version: KEYS * weight / whole for version, weight in SHARES.items()}
    assert sum((counts[version] - share) ** 2 / share for version, share in shares.items()) < FAIR_UP_TO

    numbers, half = range(2 * KEYS), KEYS // 2
    records = make_records(deployment, published, numbers, name_key=lambda n: calls[n % KEYS][0])
    # The second time, every key comes on another partition.
    records[KEYS:] = [replace(record, partition_=(record.partition_ + 1) % 4) for record in records[KEYS:]]
    for run, asked in enumerate((range(half), range(half, KEYS))):
        produce_records(servers, deployment.input_topic, records[run * KEYS :][:KEYS])
        service.start().await_ready()
        answers = predict_each(service.url, [calls[n] for n in asked])
        assert [answer["version"] for answer in answers] == [chosen[n] for n in asked]
        for n, answer in zip(asked, answers, strict=True):
            assert answer["predictions"] == [published.expected[chosen[n]][n % ROWS]]
        outputs = read_records(servers, deployment.output_topic, at_least=(run + 1) * KEYS)
        assert service.terminate() == 0
    assert check(outputs, published, numbers) == chosen * 2
    places = {(record.key(), record.partition()) for record in outputs}
    assert len(places) == 2 * KEYS


def test_records_without_a_key_choose_by_their_id_and_a_pin_may_name_a_route(deploy_published, published):
    """What is pinned is shared out by the route that the pin names."""
    halves = {2: 50, 4: 50}
    published.route(SHARES)
    published.route(halves, alias="canary")
    deployment = deploy_published()
    pin, keyed = [("trace", b"7"), (PIN_HEADER, b"canary")], lambda n: b"key-%d" % n
    kinds = [
        (lambda _: None, None, SHARES, lambda n: b"%d" % n),
        (lambda _: None, pin, halves, lambda n: b"%d" % n),
        (keyed, pin, halves, keyed),
        (keyed, [(PIN_HEADER, b"3")], {3: 1}, keyed),
        (lambda _: b"\xff\x00", None, SHARES, lambda _: b"\xff\x00"),
    ]
    records, chosen = [], []
    for i, (name_key, headers, weights, name_point) in enumerate(kinds):
        numbers = range(i * 300, (i + 1) * 300)
        records += make_records(deployment, published, numbers, name_key=name_key, headers_=headers)
        chosen += [choose(name_point(n), weights) for n in numbers]
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records)
    deployment.service.start().await_ready()
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic, at_least=len(records))
    assert check(outputs, published, range(len(records))) == chosen
    assert deployment.service.terminate() == 0


@pytest.mark.parametrize(("delivery", "shadow_partitions"), [("at-least-once", None), ("exactly-once", 3)])
def test_a_shadow_scores_what_others_answer_beside_their_topic(
    deploy_published, published, kafka_topics, delivery, shadow_partitions
):
    """On the partition of its record by number, with its key and headers; the comparison is that of all rows."""
    published.route({1: 50, 2: 50}, 3)
    deployment = deploy_published(DELIVERY=delivery)
    service, servers, numbers = deployment.service, deployment.bootstrap_servers, range(2_000)
    shadow_topic = f"{deployment.output_topic}.shadow"
    if shadow_partitions is None:
        for name in (shadow_topic, f"{deployment.dead_letter_topic}.redriven"):
            kafka_topics.adopt(name)
        made = run_command(["topics", "create", "--shadow", "--json"], deployment.variables)
        assert made.returncode == 0, made.stderr
        rows = {row["kind"]: row for row in json.loads(made.stdout)}
        assert (rows["shadow"]["name"], rows["shadow"]["state"]) == (shadow_topic, "created")
        shadow_partitions = 4
    else:
        kafka_topics.make(shadow_topic, partitions=shadow_partitions, exact=True)
    headers = [("trace", b"7"), ("trace", None), ("scoreline-odd", b"1")]
    produce_records(servers, deployment.input_topic, make_records(deployment, published, numbers, headers_=headers))
    service.start().await_ready()
    outputs = read_records(servers, deployment.output_topic, at_least=len(numbers))
    versions = check(outputs, published, numbers)
    assert versions == [choose(b"key-%d" % n, {1: 50, 2: 50}) for n in numbers]

    shadowed = read_records(servers, shadow_topic, at_least=len(numbers))
    assert check(shadowed, published, numbers) == [3] * len(numbers)
    for record, prediction in zip(shadowed, map(decode_prediction, shadowed), strict=True):
        assert record.partition() == prediction["source_partition"] % shadow_partitions
        assert record.key() == b"key-%s" % prediction["id"].encode()
        assert list(record.headers()) == headers[:2]
        assert prediction["source_partition"] == int(prediction["id"]) % 4

    answers = predict_each(service.url, [(b"key-%d" % n, published.bodies[n % ROWS]) for n in numbers[:40]])
    assert [answer["version"] for answer in answers] == versions[:40]
    await_metric(service, 'predictions_total{path="shadow",version="3"}', len(numbers) + 40)
    assert read_metric(service, "shadow_dropped_total") == 0
    found = {each["version"]: each for each in json.loads(get(service, "/models"))["shadows"]}
    assert set(found) == {1, 2}
    for version, comparison in found.items():
        mine = [n for n in (*numbers, *numbers[:40]) if versions[n] == version]
        at = np.array(mine) % ROWS
        differences = published.expected[3][at] - published.expected[version][at]
        assert (comparison["shadow"], comparison["count"]) == (3, len(mine))
        assert comparison["difference"]["mean"] == pytest.approx(differences.mean(), rel=1e-9)
        exact = np.quantile(differences, [0.05, 0.5, 0.95], method="inverted_cdf")
        assert list(comparison["difference"]["quantiles"].values()) == pytest.approx(exact, rel=0.011)
        assert 0.9 < comparison["rank_correlation"] <= 1
        assert read_metric(service, f'shadow_compared{{shadow="3",version="{version}"}}') == len(mine)
    assert service.terminate() == 0


def test_shadows_that_fail_are_told_once_counted_and_leave_the_stream_alone(deploy_published, published):
    """There is no topic for them, and one has a feature that no record has."""
    other = published.other_features
    published.route({1: 50, 2: 50}, 3, other)
    deployment = deploy_published(BATCH_MAX_RECORDS="64")
    service, servers, numbers = deployment.service, deployment.bootstrap_servers, range(2_000)
    records = make_records(deployment, published, numbers)
    produce_records(servers, deployment.input_topic, records[:1_000])
    service.start().await_ready()
    read_records(servers, deployment.output_topic, at_least=1_000)
    # Requests, which need no topic, are well meanwhile: that is no news about the stream.
    predict_each(service.url, [(b"key-%d" % n, published.bodies[n % ROWS]) for n in numbers[:40]])
    produce_records(servers, deployment.input_topic, records[1_000:])
    outputs = read_records(servers, deployment.output_topic, at_least=len(numbers))
    assert check(outputs, published, numbers) == [choose(b"key-%d" % n, {1: 50, 2: 50}) for n in numbers]
    # Version 3 is compared on both ways, and put out on none; the other one can do nothing with either.
    await_metric(service, "shadow_dropped_total", 2 * len(numbers) + 40)
    await_metric(service, 'predictions_total{path="shadow",version="3"}', len(numbers) + 40)
    assert read_metric(service, "shadow_dropped_total") == 2 * len(numbers) + 40
    told = Counter((entry["version"], entry["error"]) for entry in service.logs("shadow_failed"))
    assert sorted(version for version, _ in told.elements()) == [3, other, other]
    assert sum("scoreline topics create --shadow" in error for _, error in told) == 1
    assert service.terminate() == 0
