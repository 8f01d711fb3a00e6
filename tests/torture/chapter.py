"""One torture from beginning to end: a load, members, what is done to them, and the verdict of a reader."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from scoreline.local.broker import KafkaBroker
from scoreline.local.readiness import await_broker
from scoreline.testing.consume import await_committed, count_records
from scoreline.testing.ledger import NAMED_AT_MOST
from scoreline.testing.load import Load
from scoreline.testing.proxy import FaultProxy
from scoreline.testing.service import ServiceProcess
from scoreline.testing.topics import Topics
from scoreline.testing.watcher import Watcher
from tests.torture.members import Members
from tests.torture.outcome import EXACTLY_ONCE, Outcome, find_longest_silences
from tests.torture.schedule import Kind
from tests.torture.tiny import Tiny

SESSION_MS, HEARTBEAT_MS = "3000", "500"
TRANSACTION_MS = "10000"
LATENCY_SECONDS = 0.3
CATCH_UP_SECONDS = 120.0
CLASSIC = {"CONSUMER_SESSION_TIMEOUT_MS": SESSION_MS, "CONSUMER_HEARTBEAT_INTERVAL_MS": HEARTBEAT_MS}
PROTOCOLS = MappingProxyType(
    {
        "classic": CLASSIC,
        "cooperative": {**CLASSIC, "CONSUMER_PARTITION_ASSIGNMENT_STRATEGY": "cooperative-sticky"},
        "consumer": {"CONSUMER_GROUP_PROTOCOL": "consumer"},
    }
)
DELIVERIES = ("at-least-once",)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where it takes place.

    Attributes:
        nodes: the brokers.
        proxy: between the members and the broker, None without; the load and the reader go past it.
    """

    nodes: Sequence[KafkaBroker]
    proxy: FaultProxy | None = None

    @property
    def bootstrap_servers(self):
        """Addresses that lead to the brokers themselves."""
        return ",".join(node.bootstrap_servers for node in self.nodes)

    @property
    def members_servers(self):
        """Addresses for the members."""
        return self.bootstrap_servers if self.proxy is None else self.proxy.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the members are configured, and what comes at them.

    Attributes:
        delivery, protocol: of `DELIVERIES` and `PROTOCOLS`.
        members: how many run all the time.
        variables: further ones of the service.
    """

    delivery: str
    protocol: str
    per_second: int
    partitions: int = 8
    members: int = 2
    variables: dict = field(default_factory=dict)


class Chapter:
    """Fresh topics and a fresh group on a ground that may have seen others.

    Args:
        folder: for what the members say.
    """

    def __init__(self, ground: Ground, tiny: Tiny, setting: Setting, folder: Path):
        self._ground, self._tiny, self._setting, self._folder = ground, tiny, setting, folder
        self._topics = Topics(ground.bootstrap_servers)
        made = [self._topics.make(label, partitions=setting.partitions) for label in ("in", "out", "dead-letters")]
        self._input, self._output, self._dead_letters = made
        self._group = f"group-{self._input}"
        if setting.protocol == "consumer":
            set_group_timeouts(ground.bootstrap_servers, self._group)
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
                node = self._ground.nodes[event.target]
                node.kill()
                self._members.watch(event.lasting_seconds)
                node.start()
                await_broker(self._ground.bootstrap_servers, timeout_seconds=60.0, at_least=len(self._ground.nodes))
            case Kind.BLACK_HOLE | Kind.RESET | Kind.LATENCY:
                self._break_network(event)

    def _kill(self, event):
        """With the brokers frozen, a member stays where it is between a begin and a commit, and dies there."""
        frozen = self._ground.nodes if event.lasting_seconds else ()
        for node in frozen:
            node.pause()
        try:
            time.sleep(event.lasting_seconds)
            self._members.kill(event.target)
        finally:
            for node in frozen:
                node.resume()
        self._members.start_again(event.target)

    def _break_network(self, event):
        proxy = self._ground.proxy
        if event.kind is Kind.BLACK_HOLE:
            proxy.black_hole()
        elif event.kind is Kind.RESET:
            proxy.reset()
        else:
            proxy.delay(LATENCY_SECONDS)
        try:
            self._members.watch(event.lasting_seconds)
        finally:
            proxy.heal()

    def _make_service(self, name):
        setting = self._setting
        variables = {
            **self._tiny.variables,
            **PROTOCOLS[setting.protocol],
            "KAFKA_BOOTSTRAP_SERVERS": self._ground.members_servers,
            "INPUT_TOPIC": self._input,
            "OUTPUT_TOPIC": self._output,
            "DEAD_LETTER_TOPIC": self._dead_letters,
            "GROUP_ID": self._group,
        }
        if setting.delivery == EXACTLY_ONCE:
            variables |= {"DELIVERY": setting.delivery, "PRODUCER_TRANSACTION_TIMEOUT_MS": TRANSACTION_MS}
            if name.endswith("0"):
                # One recovers its own transaction at its start, that of the others has to time out: both have to do.
                variables["MEMBER_ID"] = name
        return ServiceProcess({**variables, **setting.variables}, self._folder, roles=["stream"], name=name)

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
            exits=[f"{each.member} {each.code} after {each.after}:\n{each.words}" for each in self._members.exits],
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


def set_group_timeouts(bootstrap_servers, group_id):
    """The new protocol's time-outs are the group's own, not a member's."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in (
            ("consumer.session.timeout.ms", SESSION_MS),
            ("consumer.heartbeat.interval.ms", HEARTBEAT_MS),
        )
    ]
    resource = ConfigResource(ConfigResource.Type.GROUP, group_id, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.incremental_alter_configs([resource])[resource].result(30)
