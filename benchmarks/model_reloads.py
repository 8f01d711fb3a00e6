"""What two hundred reloads cost a stream under full load: how late its batches are, and what memory it keeps.

python -m benchmarks.model_reloads

One service drains a backlog that is longer than it can do. For a while nothing changes, then the alias moves from one
version of the flights model to the next, two hundred times; more versions than stay loaded, so each is loaded anew. A
batch's predictions all say when it was scored: from one batch to the next is what a batch took. Batches while the alias
moves are compared with those of the same drain before it did, and memory at the end with that after the tenth reload.
With --anew the machine forgets between the reloads what it has checked, so that each begins with a child process.
"""

import argparse
import io
import json
import shutil
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import fastavro
import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from benchmarks.bounds import Bounds
from benchmarks.deployment import Deployment, deploy
from benchmarks.draining import LOOK_AGAIN_SECONDS, Position
from benchmarks.flights import Flights, load
from benchmarks.usage import resident_mib
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.schemas.fixed import prediction_schema
from scoreline.testing.consume import scan_topic
from scoreline.testing.service import ServiceProcess

FLIGHTS = 20_000
TREES = (200, 199, 198, 197, 196, 195)
RELOADS = 200
FROM_RELOAD = 10
PAUSE_SECONDS = 0.25
QUIET_SECONDS = 20.0
WARM_UP_RECORDS = 400_000
RECORDS_PER_SECOND = 60_000
"""What is put in advance for each second that it may take."""
RELOAD_SECONDS, ANEW_SECONDS = 0.1, 1.2
"""What a reload may take, for the length of the backlog."""
FORGOTTEN = "probed"
"""Folder of the cache with what has passed its checks."""
LATE_LIMIT = 3.0
GROWTH_LIMIT = 1.05
WINDOW = 5
SAMPLE_EVERY = 997
FRAME_BYTES = 5
TIME_BYTES = 6
"""Of milliseconds since the epoch as an Avro long, which ends every prediction; until the year 2039."""
ANSWER_SECONDS = 60.0


@dataclass
class Course:
    """What the drain went through.

    Attributes:
        began_ms, ended_ms: of the quiet time before the first reload, and of the reloads.
        quiet_mib: resident memory before and after the quiet time.
        mib: resident memory after each reload.
        seconds: that each reload took.
    """

    quiet_ms: tuple[int, int] = (0, 0)
    reloads_ms: tuple[int, int] = (0, 0)
    quiet_mib: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def now_ms() -> int:
    return int(time.time() * 1000)


def publish_versions(deployment: Deployment, flights: Flights) -> tuple[ModelStore, dict[int, npt.NDArray[np.float64]]]:
    """Versions with fewer trees beside the first one, and what each gives for the flights.

    Each calls another feature optional, which changes no score: like a model that was trained on newer data, it brings
    features of its own, and what the stream had made for those before is of no use to it.
    """
    store = ModelStore(str(deployment.folder / "models"))
    expected = {}
    for version, trees in enumerate(TREES, 1):
        text = flights.booster.model_to_string(num_iteration=trees)
        if version > 1:
            own = FeatureStatement(flights.features.names[version], optional=True)
            publish(store, Publication(name="flights", text=text.encode(), by="benchmark", statements=[own]))
        expected[version] = lgb.Booster(model_str=text).predict(flights.matrix, num_threads=1)
    return store, expected


def await_written(service: ServiceProcess, position: Position, count: int) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while position.read_written() < count:
        assert service.running, service.last_words()
        assert time.monotonic() < deadline, f"not begun: {service.last_words()}"
        time.sleep(LOOK_AGAIN_SECONDS)


def reload(service: ServiceProcess) -> int:
    """Have the service look now; the version that it has then."""
    request = urllib.request.Request(f"{service.url}/models/reload", b"", method="POST")
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        return int(json.load(answer)["version"])


def move(service: ServiceProcess, store: ModelStore, version: int) -> float:
    """Move the alias, and wait until the service has the version; the seconds that took."""
    began = time.monotonic()
    store.set_alias("flights", "production", version, by="benchmark")
    while reload(service) != version:  # it has joined a look that began before
        assert time.monotonic() - began < ANSWER_SECONDS, service.last_words()
    return time.monotonic() - began


def go_through(service: ServiceProcess, store: ModelStore, cache: Path, options: argparse.Namespace) -> Course:
    """The quiet time, then the reloads."""
    course, began = Course(), now_ms()
    course.quiet_mib.append(resident_mib(service.pid))
    time.sleep(options.quiet)
    course.quiet_mib.append(resident_mib(service.pid))
    middle = now_ms()
    course.quiet_ms = began, middle
    for number in range(1, options.reloads + 1):
        if options.anew:
            shutil.rmtree(cache / FORGOTTEN)
        course.seconds.append(move(service, store, number % len(TREES) + 1))
        time.sleep(options.pause)
        course.mib.append(resident_mib(service.pid))
    course.reloads_ms = middle, now_ms()
    return course


def read_outputs(
    bootstrap_servers: str, topic: str, flights: Flights, expected: Mapping[int, npt.NDArray[np.float64]]
) -> tuple[npt.NDArray[np.int64], Counter[int]]:
    """When each batch was scored, in milliseconds and ascending; and versions of a sample whose bits are right."""
    tails, versions = [], Counter[int]()
    row = {name: i for i, name in enumerate(flights.ids)}
    for n, message in enumerate(scan_topic(bootstrap_servers, topic, within_seconds=600)):
        value = message.value()
        tails.append(value[-TIME_BYTES:])
        if n % SAMPLE_EVERY == 0:
            found = fastavro.schemaless_reader(io.BytesIO(value[FRAME_BYTES:]), prediction_schema(), None)
            assert found["prediction"] == expected[found["version"]][row[found["id"]]], found
            versions[found["version"]] += 1
    digits = np.frombuffer(b"".join(tails), dtype=np.uint8).reshape(-1, TIME_BYTES).astype(np.int64) & 0x7F
    zigzag = (digits << (7 * np.arange(TIME_BYTES))).sum(axis=1)
    return np.unique(zigzag >> 1), versions


def between(batches_ms: npt.NDArray[np.int64], span: tuple[int, int]) -> npt.NDArray[np.int64]:
    """What each batch took that was scored in a span."""
    inside = batches_ms[(batches_ms >= span[0]) & (batches_ms < span[1])]
    return np.diff(inside)


def measure(options: argparse.Namespace) -> tuple[Course, npt.NDArray[np.int64], Counter[int], str]:
    flights = load(FLIGHTS)
    seconds = options.quiet + options.reloads * (options.pause + (ANEW_SECONDS if options.anew else RELOAD_SECONDS))
    backlog = WARM_UP_RECORDS + int(RECORDS_PER_SECOND * seconds)
    with deploy({"flights": flights.booster}) as deployment:
        store, expected = publish_versions(deployment, flights)
        inputs, written = deployment.make_topic("features"), deployment.make_written()
        deployment.fill(inputs, flights.payloads, backlog)
        variables = {"MODEL_RELOAD_SECONDS": "3600", "DELIVERY": options.delivery}
        service = deployment.make_service("reloads", inputs, written, variables)
        with (
            Position(
                deployment.bootstrap_servers, "reloads", inputs, [written.outputs, written.dead_letters]
            ) as position,
            service.start(),
        ):
            for version in (*range(2, len(TREES) + 1), 1):  # probed before, so that a reload is a load
                service.await_ready()
                move(service, store, version)
            await_written(service, position, WARM_UP_RECORDS)
            course = go_through(service, store, deployment.folder / "cache", options)
            done = position.read_written()
            assert done < backlog, f"all {backlog:,} records were drained before the alias had moved so often"
            assert service.terminate() == 0
        counted = f"{done:,} records, {len(service.logs('version_live'))} versions live one after the other"
        batches, versions = read_outputs(deployment.bootstrap_servers, written.outputs, flights, expected)
    return course, batches, versions, counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reloads", type=int, default=RELOADS)
    parser.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="seconds between a reload and the next")
    parser.add_argument("--quiet", type=float, default=QUIET_SECONDS, help="seconds before the first")
    parser.add_argument("--anew", action="store_true", help="each version is as one that this machine never loaded")
    parser.add_argument("--delivery", choices=("at-least-once", "exactly-once"), default="at-least-once")
    options = parser.parse_args()
    if options.reloads < 2 * FROM_RELOAD:
        parser.error(f"--reloads has to be at least {2 * FROM_RELOAD}: the first {FROM_RELOAD} only warm up")
    course, batches, versions, counted = measure(options)
    quiet, moving = between(batches, course.quiet_ms), between(batches, course.reloads_ms)
    print(f"{counted}; right bits of a sample, by version: {dict(sorted(versions.items()))}")
    print(f"{'batches, ms':<16}{'number':>8}{'p50':>8}{'p99':>8}{'most':>8}")
    for name, took in (("quiet", quiet), ("alias moves", moving)):
        p50, p99 = np.quantile(took, (0.5, 0.99))
        print(f"{name:<16}{len(took):>8}{p50:>8.0f}{p99:>8.0f}{took.max():>8}")
    print(f"a reload took {statistics.median(course.seconds):.2f} s, {max(course.seconds):.2f} at the most")
    early = statistics.median(course.mib[FROM_RELOAD - 1 : FROM_RELOAD - 1 + WINDOW])
    late = statistics.median(course.mib[-WINDOW:])
    print(
        f"memory {early:.0f} MiB after reload {FROM_RELOAD}, {late:.0f} at the end, {max(course.mib):.0f} at the most"
    )
    print("memory before and after the quiet time: " + ", ".join(f"{mib:.0f}" for mib in course.quiet_mib))
    print("memory after every twentieth: " + ", ".join(f"{mib:.0f}" for mib in course.mib[::20]))
    bounds = Bounds()
    usual = float(np.quantile(quiet, 0.99))
    bounds.at_most("the latest batch against the usual 99th percentile", float(moving.max()) / usual, LATE_LIMIT)
    bounds.at_most(f"memory at the end against after reload {FROM_RELOAD}", late / early, GROWTH_LIMIT)
    assert set(versions) == set(range(1, len(TREES) + 1)), f"only versions {sorted(versions)} have answered"
    bounds.conclude()


if __name__ == "__main__":
    main()
