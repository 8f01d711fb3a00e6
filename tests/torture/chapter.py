"""One torture from beginning to end: a load, members, what is done to them, and the verdict of a reader."""

import time
from collections import Counter
from contextlib import ExitStack, nullcontext
from pathlib import Path

from scoreline.testing.consume import await_committed, count_records
from scoreline.testing.ledger import NAMED_AT_MOST
from scoreline.testing.load import Load
from scoreline.testing.service import ServiceProcess
from scoreline.testing.topics import Topics
from scoreline.testing.watcher import Watcher
from tests.torture.ground import Ground
from tests.torture.members import Members
from tests.torture.outcome import EXACTLY_ONCE, Outcome, find_longest_silences
from tests.torture.schedule import Kind
from tests.torture.setting import Setting
from tests.torture.tiny import Tiny

CATCH_UP_SECONDS = 120.0


class Chapter:
    """Fresh topics and a fresh group on a ground that may have seen others.

    Args:
        folder: for what the members say.
    """

    def __init__(self, ground: Ground, tiny: Tiny, setting: Setting, folder: Path):
        self._ground, self._tiny, self._setting, self._folder = ground, tiny, setting, folder
        self._topics = Topics(ground.bootstrap_servers)
        made = [self._topics.make(label, partitions=setting.partitions) for label in ("in", "out", "dead-letters")]
        self._topics.make(f"{made[0]}.redrive", partitions=setting.partitions, exact=True)
        self._topics.share("drift-events")
        self._input, self._output, self._dead_letters = made
        self._group = f"group-{self._input}"
        setting.prepare_group(ground.bootstrap_servers, self._group)
        self._members = Members(self._make_service, setting.members)
        self._moments = []

    def run(self, events):
        """Do all that to a service under load, wait until it has caught up, and end it."""
        setting, servers = self._setting, self._ground.bootstrap_servers
        watcher = Watcher(servers, self._output, [self._dead_letters], judge=self._judge)
        load = Load(
            servers,
            self._input,
            self._tiny.make_value,
            partitions=setting.partitions,
            per_second=setting.per_second,
        )
        with watcher, ExitStack() as stack:
            stack.callback(self._members.kill_all)
            self._members.start()
            with load:
                self._members.watch(1.0)
                for event in events:
                    self._moments.append((time.monotonic(), event.kind))
                    self._do(event)
                    self._members.watch(event.wait_seconds)
            caught_up = self._await(lambda: watcher.ledger.different >= load.sent)
            if caught_up:
                await_committed(servers, self._group, self._input)
            self._members.end()
            committed, uncommitted = (self._count(committed_only=only) for only in (True, False))
            watcher.await_copies(committed, CATCH_UP_SECONDS)
        outcome = self._conclude(watcher, load.sent, committed, uncommitted)
        self._topics.delete_all()
        return outcome

    def _await(self, condition):
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while not condition() and time.monotonic() < deadline:
            self._members.watch(0.2)
        return condition()

    def _do(self, event):
        if event.settled and event.kind in (Kind.KILL, Kind.FREEZE, Kind.STOP):
            self._members.await_ready(event.target)
        match event.kind:
            case Kind.KILL:
                self._kill(event)
            case Kind.JOIN:
                self._members.join()
            case Kind.LEAVE:
                self._members.leave()
            case Kind.FREEZE:
                self._members.freeze(event.target, event.lasting_seconds)
            case Kind.STOP:
                self._members.stop(event.target)
            case Kind.BROKER_KILL:
                with self._ground.without(event.target):
                    self._members.watch(event.lasting_seconds)
            case Kind.ELECTION:
                self._ground.move_leaders()
            case Kind.BLACK_HOLE | Kind.RESET | Kind.LATENCY:
                with self._ground.broken(event.kind):
                    self._members.watch(event.lasting_seconds)

    def _kill(self, event):
        with self._ground.held() if event.lasting_seconds else nullcontext():
            time.sleep(event.lasting_seconds)
            self._members.kill(event.target)
        self._members.start_again(event.target)

    def _make_service(self, name):
        variables = {
            **self._tiny.variables,
            **self._setting.variables_of(name),
            "KAFKA_BOOTSTRAP_SERVERS": self._ground.members_servers,
            "INPUT_TOPIC": self._input,
            "OUTPUT_TOPIC": self._output,
            "DEAD_LETTER_TOPIC": self._dead_letters,
            "GROUP_ID": self._group,
        }
        return ServiceProcess(variables, self._folder, roles=["stream"], name=name)

    def _judge(self, message):
        return self._tiny.judge(message, self._dead_letters)

    def _count(self, *, committed_only):
        servers = self._ground.bootstrap_servers
        return sum(
            count_records(servers, topic, committed_only=committed_only) for topic in (self._output, self._dead_letters)
        )

    def _conclude(self, watcher, sent, committed, uncommitted):
        setting, found = self._setting, watcher.ledger.settle(sent)
        return Outcome(
            records=sent,
            lost=len(found.lost),
            doubled=found.repeats,
            disordered=found.disordered,
            wrong=watcher.wrong,
            unread=committed - watcher.ledger.copies,
            aborted=uncommitted - committed,
            events=dict(Counter(str(kind) for _, kind in self._moments)),
            silences=find_longest_silences(watcher.silences.noted, self._moments),
            exits=[
                *(f"{each.member} {each.code} after {each.after}:\n{each.words}" for each in self._members.exits),
                *self._members.failed_stops,
            ],
            exit_codes=[each.code for each in self._members.exits],
            stop_codes=self._members.stop_codes,
            slowest_stop_seconds=max(self._members.stop_seconds),
            named=[
                *(f"lost: {number}" for number in found.lost[:NAMED_AT_MOST]),
                *(f"doubled: {repeat}" for repeat in found.named_repeats if setting.delivery == EXACTLY_ONCE),
                *(f"out of order: {number}" for number in found.named_disordered),
                *watcher.named_wrong,
            ],
        )
