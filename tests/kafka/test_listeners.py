"""What bare sockets find out about a listener, where nobody listens and where no broker does."""

import socket
import threading
from contextlib import contextmanager

import pytest

from scoreline.kafka import listeners
from scoreline.kafka.listeners import find_mismatch, parse_listeners

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
