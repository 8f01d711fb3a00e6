"""A broker that asks who comes and what they may do, and the side door through which tests say who may do what."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from scoreline.local.broker import KafkaBroker
from scoreline.local.locks import Locks
from scoreline.local.properties import FAST_TIMEOUTS, HOST
from scoreline.testing.certificates import CertificateAuthority

ANSWER_SECONDS = 30.0
SCRAM_ITERATIONS = 4096


class Grant(NamedTuple):
    """Something that a user may do.

    Attributes:
        resource: `topic`, `group`, `transactional_id`.
        name: of the resource; with a star at its end, what its name begins with.
        operation: `READ`, `WRITE`, ….
    """

    resource: str
    name: str
    operation: str

    def bind(self, user: str) -> AclBinding:
        """The rule that grants it to a user."""
        return AclBinding(*self._pattern(), f"User:{user}", "*", AclOperation[self.operation], AclPermissionType.ALLOW)

    def match(self, user: str) -> AclBindingFilter:
        """What finds that rule."""
        return AclBindingFilter(
            *self._pattern(), f"User:{user}", "*", AclOperation[self.operation], AclPermissionType.ALLOW
        )

    def _pattern(self) -> tuple[ResourceType, str, ResourcePatternType]:
        pattern = ResourcePatternType.PREFIXED if self.name.endswith("*") else ResourcePatternType.LITERAL
        return ResourceType[self.resource.upper()], self.name.removesuffix("*"), pattern


class SecuredKafka:
    """A broker with locked listeners, and the users and grants that tests give it.

    Args:
        broker: runs, made with locks; its own `bootstrap_servers` are the side door, where everybody may do everything.
        authority: has signed the broker's certificate, and is believed about those of clients.
    """

    def __init__(self, broker: KafkaBroker, authority: CertificateAuthority) -> None:
        self.broker = broker
        self.authority = authority
        self._admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})

    def scram(self, user: str, password: str) -> dict[str, str]:
        """Properties of a client that comes with a password."""
        return {
            **self._tls("SASL_SSL"),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
        }

    def certified(self, user: str) -> dict[str, str]:
        """Properties of a client that comes with a certificate, signed just now."""
        issued = self.authority.issue(user)
        return {
            **self._tls("SSL"),
            "ssl.certificate.location": str(issued.chain),
            "ssl.key.location": str(issued.key),
        }

    def bearer(self, user: str) -> dict[str, str]:
        """Properties of a client that comes with a token, which it makes itself."""
        return {
            **self._tls("SASL_SSL"),
            "sasl.mechanism": "OAUTHBEARER",
            "enable.sasl.oauthbearer.unsecure.jwt": "true",
            "sasl.oauthbearer.config": f"principal={user}",
        }

    def set_password(self, user: str, password: str) -> None:
        """Make a user who comes with a password, or change that."""
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
        change = UserScramCredentialUpsertion(user, scram, password.encode())
        self._admin.alter_user_scram_credentials([change])[user].result(ANSWER_SECONDS)

    def remove_user(self, user: str) -> None:
        """Forget the password of a user."""
        change = UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512)
        self._admin.alter_user_scram_credentials([change])[user].result(ANSWER_SECONDS)

    def grant(self, user: str, grants: Collection[Grant]) -> None:
        """Allow a user something, and wait until the broker goes by it."""
        if not grants:
            return  # the client takes an empty list for a mistake
        for answer in self._admin.create_acls([grant.bind(user) for grant in grants]).values():
            answer.result(ANSWER_SECONDS)
        self._await(lambda: all(self._is_granted(user, grant) for grant in grants))

    def withdraw(self, user: str, grants: Collection[Grant]) -> None:
        """Take back what was granted, and wait until the broker goes by it."""
        for answer in self._admin.delete_acls([grant.match(user) for grant in grants]).values():
            answer.result(ANSWER_SECONDS)
        self._await(lambda: not any(self._is_granted(user, grant) for grant in grants))

    def _tls(self, protocol: str) -> dict[str, str]:
        return {
            "bootstrap.servers": f"{HOST}:{self.broker.ports.locked[protocol]}",
            "security.protocol": protocol,
            "ssl.ca.location": str(self.authority.certificate),
        }

    def _is_granted(self, user: str, grant: Grant) -> bool:
        return bool(self._admin.describe_acls(grant.match(user)).result(ANSWER_SECONDS))

    @staticmethod
    def _await(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("the broker does not go by the rules that it has taken")


@contextmanager
def secured_broker() -> Iterator[SecuredKafka]:
    """A broker with locked listeners for as long as the block lasts.

    Raises:
        Unavailable: it cannot be had.
    """
    with TemporaryDirectory(prefix="scoreline-certificates-") as folder:
        authority = CertificateAuthority(Path(folder), "authority")
        issued = authority.issue("broker", [HOST])
        key_store = Path(folder, "broker-store.pem")
        key_store.touch(mode=0o600)
        key_store.write_bytes(issued.key.read_bytes() + issued.chain.read_bytes())
        with KafkaBroker(properties=FAST_TIMEOUTS, locks=Locks(key_store, authority.certificate)) as broker:
            yield SecuredKafka(broker, authority)
