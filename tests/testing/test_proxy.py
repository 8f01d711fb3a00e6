import socket
import socketserver
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from scoreline.testing.proxy import FaultProxy


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except ConnectionResetError:
            return


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@pytest.fixture(scope="module")
def echo_port():
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def proxy(echo_port):
    with FaultProxy("127.0.0.1", echo_port) as proxy:
        yield proxy


@contextmanager
def connected(proxy, timeout=5.0):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout) as client:
        yield client


def echoed(client, data):
    client.sendall(data)
    return received(client, len(data))


def received(client, count):
    got = b""
    while len(got) < count and (more := client.recv(count - len(got))):
        got += more
    return got


def is_reset(proxy):
    """Whether a new connection is reset; the news may come as early as in its making."""
    with pytest.raises(ConnectionResetError), connected(proxy) as client:
        client.recv(1)
    return True


def test_a_healthy_line_passes_everything_and_counts_it(proxy):
    data = bytes(range(256)) * 2000
    with connected(proxy) as client:
        threading.Thread(target=client.sendall, args=(data,)).start()
        assert received(client, len(data)) == data
    assert proxy.traffic.connections == 1
    assert proxy.traffic.to_upstream_bytes == proxy.traffic.to_client_bytes == len(data)


def test_hanging_up_is_passed_on_after_the_data(proxy):
    with connected(proxy) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert received(client, 100) == b"last words"


def test_latency_is_added_each_way_and_once_for_what_is_sent_together(proxy):
    proxy.delay(0.05)
    with connected(proxy) as client:
        started = time.monotonic()
        for number in range(20):
            client.sendall(b"%02d" % number)
        assert received(client, 40) == b"".join(b"%02d" % number for number in range(20))
        assert 0.1 <= time.monotonic() - started < 1.0


def test_a_narrow_line_takes_its_time(proxy):
    proxy.limit(20_000)
    with connected(proxy) as client:
        started = time.monotonic()
        assert echoed(client, bytes(4000)) == bytes(4000)
        assert time.monotonic() - started >= 0.15


def test_a_narrow_line_that_is_healed_delivers_the_rest_at_once(proxy):
    proxy.limit(1)
    with connected(proxy) as client:
        client.sendall(bytes(1000))
        proxy.heal()
        assert received(client, 1000) == bytes(1000)


@pytest.mark.slow
def test_a_black_hole_for_a_part_of_the_connections_leaves_the_others_healthy(proxy):
    proxy.black_hole(share=0.5)
    answered = 0
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(proxy, timeout=0.05)) for _ in range(30)]
        for client in clients:
            client.sendall(b"x")
        for client in clients:
            with suppress(TimeoutError):
                answered += client.recv(1) == b"x"
    assert 0 < answered < len(clients)


def test_a_black_hole_accepts_and_answers_nothing_until_it_is_healed(proxy):
    proxy.black_hole()
    with connected(proxy, timeout=0.1) as client:
        client.sendall(b"hello")
        with pytest.raises(TimeoutError):
            client.recv(5)
        assert proxy.traffic.to_upstream_bytes == 0
        proxy.heal()
        client.settimeout(5.0)
        assert received(client, 5) == b"hello"


def test_a_connection_that_is_there_falls_silent_too(proxy):
    with connected(proxy) as client:
        assert echoed(client, b"one") == b"one"
        proxy.black_hole()
        client.sendall(b"two")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(3)


def test_a_reset_breaks_connections_and_new_ones_until_it_is_healed(proxy):
    with connected(proxy) as client:
        assert echoed(client, b"one") == b"one"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert is_reset(proxy)
    proxy.heal()
    with connected(proxy) as client:
        assert echoed(client, b"two") == b"two"


def test_a_refusing_proxy_is_not_there_until_it_is_healed(proxy):
    with connected(proxy) as client:
        assert echoed(client, b"one") == b"one"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError), connected(proxy):
        pass
    proxy.heal()
    with connected(proxy) as client:
        assert echoed(client, b"two") == b"two"


def test_an_upstream_that_is_not_there_resets_the_client():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with FaultProxy("127.0.0.1", nobody.getsockname()[1]) as proxy:
            assert is_reset(proxy)


def test_closing_it_ends_its_thread_and_frees_its_port(echo_port):
    proxy = FaultProxy("127.0.0.1", echo_port)
    with connected(proxy) as client:
        assert echoed(client, b"one") == b"one"
        proxy.close()
    proxy.close()
    assert not any(t.name == f"fault-proxy-{proxy.port}" for t in threading.enumerate())
    with FaultProxy("127.0.0.1", echo_port, port=proxy.port) as again, connected(again) as client:
        assert echoed(client, b"two") == b"two"
