"""What a broker is told so that it asks who comes (SASL over TLS, client certificates) and what they may do (ACLs)."""

from dataclasses import dataclass
from pathlib import Path

LOCKED_PROTOCOLS = ("SASL_SSL", "SSL")
"""Names of the listeners, and what they speak; `SSL` asks for a certificate."""

REAUTHENTICATE_MS = 3000
"""How long a password holds on an open connection: one that was changed is noticed within this time."""


@dataclass(frozen=True, slots=True)
class Locks:
    """What the locked listeners are made with; users and their permissions are the cluster's own, kept in its data.

    Attributes:
        key_store: PEM file with the broker's private key (PKCS #8, unencrypted) and its certificate chain.
        authorities: PEM file with those whose client certificates are believed; a user is named by its common name.
    """

    key_store: Path
    authorities: Path


def lock_properties(locks: Locks) -> dict[str, str]:
    """Properties of a broker whose anonymous clients may do everything, and all others what they were granted.

    The unsecured tokens of OAUTHBEARER are believed as they are: the broker is for tests, on loopback.
    """
    sasl = "listener.name.sasl_ssl"
    modules = "org.apache.kafka.common.security"
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(locks.key_store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(locks.authorities),
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        "listener.name.ssl.ssl.client.auth": "required",
        f"{sasl}.sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
        f"{sasl}.scram-sha-512.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
        f"{sasl}.scram-sha-512.connections.max.reauth.ms": str(REAUTHENTICATE_MS),
        f"{sasl}.oauthbearer.sasl.jaas.config": f"{modules}.oauthbearer.OAuthBearerLoginModule required;",
    }
