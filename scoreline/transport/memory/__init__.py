"""An in-memory broker that obeys the ports: deterministic, and explicit about every fault that it plays."""

from scoreline.transport.memory.broker import MemoryBroker
from scoreline.transport.memory.group import GroupProtocol, MemoryGroup
from scoreline.transport.memory.publisher import MemoryPublisher
from scoreline.transport.memory.source import MemorySource
from scoreline.transport.memory.transaction import Outcome, Transaction
from scoreline.transport.memory.transactions import Fault, MemoryTransactions

__all__ = [
    "Fault",
    "GroupProtocol",
    "MemoryBroker",
    "MemoryGroup",
    "MemoryPublisher",
    "MemorySource",
    "MemoryTransactions",
    "Outcome",
    "Transaction",
]
