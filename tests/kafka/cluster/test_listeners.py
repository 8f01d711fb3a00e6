"""What bare sockets find out about a listener, where nobody listens and where no broker does."""

import datetime as dt
import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress

import pytest

from scoreline.kafka.cluster import listeners
from scoreline.kafka.cluster.listeners import find_mismatch, parse_listeners
from scoreline.testing.certificates import CertificateAuthority

PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]


@pytest.mark.parametrize(
    ("servers", "parsed"),
    [
        ("a:1,b:2", [("a", 1), ("b", 2)]),
        (" SSL://a:1 , [::1]:2", [("a", 1), ("::1", 2)]),
        ("a,:1,a:b,a:70000,", []),
    ],
)
def test_addresses_are_read_as_the_client_writes_them(servers, parsed):
    assert parse_listeners(servers) == parsed


@contextmanager
def serving(answer):
    """A listener that gives every connection to `answer`, until there are no more."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_where_nobody_listens_there_is_no_evidence(protocol):
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{placeholder.getsockname()[1]}"
        assert find_mismatch({"bootstrap.servers": address, "security.protocol": protocol}) is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_that_closes_every_connection_may_be_a_proxy_whose_broker_is_away(protocol):
    with serving(lambda connection: connection.close()) as address:
        assert find_mismatch({"bootstrap.servers": address, "security.protocol": protocol}) is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_that_says_something_else_is_no_evidence_either(protocol):
    with serving(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        assert find_mismatch({"bootstrap.servers": address, "security.protocol": protocol}) is None


def test_a_name_that_cannot_be_one_is_no_evidence():
    assert find_mismatch({"bootstrap.servers": "a..b:1"}) is None


def test_one_that_says_nothing_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(listeners, "LOOK_SECONDS", 0.02)
    healed = threading.Event()
    with serving(lambda _: healed.wait()) as address:
        assert find_mismatch({"bootstrap.servers": address}) is None
        healed.set()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("authority"), "authority")


def speak_tls(issued):
    """Shakes hands with that certificate, and then closes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain, issued.key)

    def answer(connection):
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    return answer


EXPIRED = {"valid_for": dt.timedelta(minutes=-1)}


@pytest.mark.parametrize(
    ("addresses", "more", "told"),
    [
        (["other.example"], {}, r"IP address mismatch.*SCORELINE_KAFKA_BOOTSTRAP_SERVERS.*advertised\.listeners"),
        (["127.0.0.1"], EXPIRED, r"certificate has expired; renew it"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_with_its_cure(authority, addresses, more, told):
    properties = {"security.protocol": "SSL", "ssl.ca.location": str(authority.certificate)}
    with serving(speak_tls(authority.issue("broker", addresses, **more))) as address:
        found = find_mismatch({**properties, "bootstrap.servers": address})
        unchecked = {"enable.ssl.certificate.verification": "false", "bootstrap.servers": address}
        assert find_mismatch({**properties, **unchecked}) is None
    assert found.startswith(f"{address} has a certificate that is not believed: ")
    assert re.search(told, found), found


def test_a_certificate_of_an_unknown_authority_is_told_with_the_variable_for_it(authority, tmp_path):
    other = CertificateAuthority(tmp_path, "other")
    with serving(speak_tls(authority.issue("broker", ["127.0.0.1"]))) as address:
        found = find_mismatch(
            {"bootstrap.servers": address, "security.protocol": "SSL", "ssl.ca.location": str(other.certificate)}
        )
    assert "SCORELINE_KAFKA_SSL_CA_LOCATION has to name" in found


def test_a_name_that_nobody_asks_for_is_not_compared(authority):
    properties = {
        "security.protocol": "SSL",
        "ssl.ca.location": str(authority.certificate),
        "ssl.endpoint.identification.algorithm": "none",
    }
    with serving(speak_tls(authority.issue("broker", ["other.example"]))) as address:
        assert find_mismatch({**properties, "bootstrap.servers": address}) is None
