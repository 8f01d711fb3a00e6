"""Certificates for throw-away brokers and clients: an authority in a folder, and what it signs."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FOR = dt.timedelta(days=7)
CLOCK_SKEW = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files.

    Attributes:
        chain: the certificate.
        key: its private key, PKCS #8, unencrypted.
    """

    chain: Path
    key: Path


class CertificateAuthority:
    """Signs certificates that whoever trusts `certificate` believes.

    Args:
        folder: for its own certificate and all that it signs; made if it is missing.
        name: its common name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        signed = _build(self._name, self._name, self._key.public_key(), VALID_FOR).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(_encode(signed.sign(self._key, hashes.SHA256())))

    def issue(self, name: str, addresses: Sequence[str] = (), *, valid_for: dt.timedelta = VALID_FOR) -> Certificate:
        """A new certificate.

        Args:
            name: its common name, and that of its files.
            addresses: host names and IP addresses that it is good for.
            valid_for: from now on; less than nothing, down to an hour, for one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _build(_name(name), self._name, key.public_key(), valid_for)
        if addresses:
            builder = builder.add_extension(x509.SubjectAlternativeName([_address(a) for a in addresses]), False)  # noqa: FBT003 - the library's own argument
        issued = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        issued.chain.write_bytes(_encode(builder.sign(self._key, hashes.SHA256())))
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return issued


def _build(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: dt.timedelta
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + valid_for)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _address(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _encode(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
