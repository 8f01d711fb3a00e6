"""How the members of a torture are configured, and what comes at them."""

from dataclasses import dataclass
from types import MappingProxyType

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from tests.torture.outcome import EXACTLY_ONCE

SESSION_MS, HEARTBEAT_MS = "3000", "500"
TRANSACTION_MS = "15000"
CLASSIC = {"CONSUMER_SESSION_TIMEOUT_MS": SESSION_MS, "CONSUMER_HEARTBEAT_INTERVAL_MS": HEARTBEAT_MS}
PROTOCOLS = MappingProxyType(
    {
        "classic": CLASSIC,
        "cooperative": {**CLASSIC, "CONSUMER_PARTITION_ASSIGNMENT_STRATEGY": "cooperative-sticky"},
        "consumer": {"CONSUMER_GROUP_PROTOCOL": "consumer"},
    }
)
DELIVERIES = ("at-least-once", EXACTLY_ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One promise under one group protocol.

    Attributes:
        delivery, protocol: of `DELIVERIES` and `PROTOCOLS`.
        per_second: records.
        partitions: of every topic.
        members: how many run all the time.
    """

    delivery: str
    protocol: str
    per_second: int
    partitions: int = 8
    members: int = 2

    def variables_of(self, name):
        """What a member of that name is told of the promise and the protocol."""
        variables = dict(PROTOCOLS[self.protocol])
        if self.delivery == EXACTLY_ONCE:
            variables |= {"DELIVERY": self.delivery, "PRODUCER_TRANSACTION_TIMEOUT_MS": TRANSACTION_MS}
            if name.endswith("0"):
                # One recovers its own transaction when it starts, those of the others have to time out: both must do.
                variables["MEMBER_ID"] = name
        elif name.endswith("1"):
            # One commits with every batch, the others as usual: a commit that came too early would show.
            variables["COMMIT_INTERVAL_MS"] = "1"
        return variables

    def prepare_group(self, bootstrap_servers, group_id):
        """The new protocol's time-outs are the group's, not a member's."""
        if self.protocol != "consumer":
            return
        wanted = {"consumer.session.timeout.ms": SESSION_MS, "consumer.heartbeat.interval.ms": HEARTBEAT_MS}
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in wanted.items()
        ]
        resource = ConfigResource(ConfigResource.Type.GROUP, group_id, incremental_configs=entries)
        admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        admin.incremental_alter_configs([resource])[resource].result(30)
