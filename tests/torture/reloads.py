"""The alias moves, over and over, while records flow and callers call; what every prediction says is checked."""

import json
import signal
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass

from scoreline.records import TopicPartition
from scoreline.testing.consume import await_committed, count_records
from scoreline.testing.load import Load
from scoreline.testing.service import ServiceProcess
from scoreline.testing.topics import Topics
from scoreline.testing.watcher import Watcher
from tests.integration.predictions import decode_prediction
from tests.torture.callers import Callers

VERSIONS = 6
"""More than stay loaded: most changes load one anew."""
LOOK_SECONDS = 0.3
SEEN_SECONDS = 30.0
TURN_SECONDS = 0.01
WAYS = ("POST /models/reload", "SIGHUP", "the look that is due")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What came of it.

    Attributes:
        by_version: predictions on the stream by the version that they name.
        answers_by_version: over HTTP.
        trouble: everything that is not as promised, in words.
        slowest_change_seconds: from the alias's move until both stream and HTTP answer with the version, by the way.
        longest_silence_seconds: between two predictions of one partition.
    """

    records: int
    changes: int
    by_version: dict
    answers_by_version: dict
    trouble: list
    slowest_change_seconds: dict
    longest_silence_seconds: float
    took_seconds: float

    def describe(self):
        """Lines for people."""
        slowest = "  ".join(f"{way} {seconds:.2f} s" for way, seconds in self.slowest_change_seconds.items())
        return [
            f"records {self.records:,}  changes {self.changes}  in {self.took_seconds:.0f} s",
            f"predictions by version: {self.by_version}",
            f"answers over HTTP by version: {self.answers_by_version}",
            f"slowest change until stream and HTTP have the version: {slowest}",
            f"longest silence of a partition: {self.longest_silence_seconds:.2f} s (0.25 are worth noting)",
            *self.trouble,
        ]


class Runs:
    """Which versions answered each output partition one after the other, and how often each did."""

    def __init__(self):
        self.by_version = Counter()
        self.of_partitions: dict[TopicPartition, list[int]] = {}
        self._lock = threading.Lock()

    def note(self, partition, version):
        with self._lock:
            self.by_version[version] += 1
            run = self.of_partitions.setdefault(partition, [])
            if not run or run[-1] != version:
                run.append(version)

    def find_strays(self, meant):
        """Partitions that were answered by a version which the alias did not mean then.

        Args:
            meant: everything that it has meant, in order.
        """
        return [
            f"{partition} went through {run}"
            for partition, run in self.of_partitions.items()
            if not _is_part(run, meant)
        ]


def _is_part(run, meant):
    """Whether a run is a subsequence of what the alias has meant."""
    rest = iter(meant)
    return all(version in rest for version in run)


class Reloads:
    """One service with both roles under load, on fresh topics.

    Args:
        setting: delivery, protocol, records a second.
        versions: a `tests.torture.versions.Versions`.
        folder: for what the service says.
    """

    def __init__(self, bootstrap_servers, versions, setting, folder):
        self._servers, self._versions, self._setting = bootstrap_servers, versions, setting
        self._topics = Topics(bootstrap_servers)
        made = [self._topics.make(label, partitions=setting.partitions) for label in ("in", "out", "dead-letters")]
        self._topics.make(f"{made[0]}.redrive", partitions=setting.partitions, exact=True)
        self._topics.share("drift-events")
        self._input, self._output, self._dead_letters = made
        self._group = f"group-{self._input}"
        setting.prepare_group(bootstrap_servers, self._group)
        self._service = ServiceProcess(
            {
                **versions.tiny.variables,
                **setting.variables_of("member-0"),
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "INPUT_TOPIC": self._input,
                "OUTPUT_TOPIC": self._output,
                "DEAD_LETTER_TOPIC": self._dead_letters,
                "GROUP_ID": self._group,
                "MODEL_RELOAD_SECONDS": str(LOOK_SECONDS),
            },
            folder,
            roles=["stream", "http"],
            name="reloads",
        )
        self._runs = Runs()
        self._slowest = dict.fromkeys(WAYS, 0.0)

    def run(self, changes):
        """Move the alias so often, each time until both stream and HTTP answer with what it means."""
        meant, began = [1], time.monotonic()
        self._versions.mean(1)
        watcher = Watcher(self._servers, self._output, [self._dead_letters], judge=self._judge)
        load = Load(
            self._servers,
            self._input,
            self._versions.make_value,
            partitions=self._setting.partitions,
            per_second=self._setting.per_second,
        )
        with self._service as service, watcher:
            service.await_ready()
            with load, Callers(service.port, self._versions) as callers:
                for change in range(changes):
                    meant.append(self._choose(change, meant[-1]))
                    self._change(meant[-1], WAYS[change % len(WAYS)], callers)
            watcher.await_different(load.sent, SEEN_SECONDS)
            await_committed(self._servers, self._group, self._input)
            stopped = service.terminate()
            committed = sum(count_records(self._servers, topic) for topic in (self._output, self._dead_letters))
            watcher.await_copies(committed, SEEN_SECONDS)
        found = watcher.ledger.settle(load.sent)
        looks = self._service.logs("version_live")
        self._topics.delete_all()
        return Reloaded(
            records=load.sent,
            changes=len(looks),
            by_version=dict(sorted(self._runs.by_version.items())),
            answers_by_version=dict(sorted(callers.by_version.items())),
            trouble=[
                *(f"lost: {number}" for number in found.lost[:3]),
                *(f"doubled: {repeat}" for repeat in found.named_repeats[:3]),
                *(f"out of order: {number}" for number in found.named_disordered[:3]),
                *watcher.named_wrong,
                *callers.wrong,
                *self._runs.find_strays(meant),
                *([f"the service ended with {stopped}: {self._service.last_words()}"] if stopped else []),
                *(f"{len(looks)} changes were logged, not {changes}" for _ in range(len(looks) != changes)),
            ],
            slowest_change_seconds=self._slowest,
            longest_silence_seconds=max((each.seconds for each in watcher.silences.noted), default=0.0),
            took_seconds=time.monotonic() - began,
        )

    @staticmethod
    def _choose(change, before):
        """All versions in turn at first, then far ones and near ones."""
        step = 1 if change < VERSIONS else 1 + change % (VERSIONS - 1)
        return (before - 1 + step) % VERSIONS + 1

    def _change(self, version, way, callers):
        began = time.monotonic()
        stream, answers = self._runs.by_version[version], callers.by_version[version]
        self._versions.mean(version)
        if way == WAYS[0]:
            self._reload(version)
        elif way == WAYS[1]:
            self._service.process.send_signal(signal.SIGHUP)
        while self._runs.by_version[version] == stream or callers.by_version[version] == answers:
            assert time.monotonic() - began < SEEN_SECONDS, f"nothing is answered by {version}: {callers.wrong}"
            assert self._service.running, self._service.last_words()
            time.sleep(TURN_SECONDS)
        self._slowest[way] = max(self._slowest[way], time.monotonic() - began)

    def _reload(self, version):
        """What is asked for after the alias has moved is answered with the version that it means."""
        while True:
            request = urllib.request.Request(f"{self._service.url}/models/reload", b"", method="POST")
            with urllib.request.urlopen(request, timeout=SEEN_SECONDS) as answer:
                told = json.load(answer)
            assert told["detail"] is None, told
            if told["version"] == version:
                return
            # It has joined a look that had begun before the alias moved.

    def _judge(self, message):
        number = int(message.key())
        if message.topic() == self._dead_letters:
            return f"{number} is a dead letter"
        prediction = decode_prediction(message)
        self._runs.note(TopicPartition(message.topic(), message.partition()), prediction["version"])
        return self._versions.judge_prediction(number, prediction)
