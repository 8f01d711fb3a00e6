import ssl
import stat

import pytest

from scoreline.testing.certificates import CertificateAuthority


def shake_hands(authority, issued, name):
    """A TLS handshake in memory, where the client believes the authority and asks for a name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(issued.chain, issued.key)
    client = ssl.create_default_context(cafile=authority.certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    unfinished = set(ends)
    while unfinished:
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            unfinished.discard(end)


def test_what_an_authority_has_signed_is_believed_for_its_names_only(tmp_path):
    authority = CertificateAuthority(tmp_path, "authority")
    issued = authority.issue("broker", ["127.0.0.1", "broker.example"])
    shake_hands(authority, issued, "127.0.0.1")
    shake_hands(authority, issued, "broker.example")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(authority, issued, "other.example")


def test_another_authority_is_not_believed(tmp_path):
    ours, other = CertificateAuthority(tmp_path, "ours"), CertificateAuthority(tmp_path / "other", "other")
    with pytest.raises(ssl.SSLCertVerificationError, match="issuer"):
        shake_hands(ours, other.issue("broker", ["127.0.0.1"]), "127.0.0.1")


def test_nobody_else_may_read_the_keys(tmp_path):
    issued = CertificateAuthority(tmp_path / "made", "authority").issue("user")
    assert stat.S_IMODE(issued.key.parent.stat().st_mode) == 0o700
