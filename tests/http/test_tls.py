import asyncio
import contextlib
import logging
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
import uvloop

from scoreline.errors import ConfigError, Refused
from scoreline.http import tls_listener
from scoreline.http.server import Address, HttpServer
from scoreline.http.tls import CertificateFiles, make_context
from scoreline.testing.certificates import CertificateAuthority
from tests.http.sidecars import read_fields, serve, until


@pytest.fixture
def authority(tmp_path):
    return CertificateAuthority(tmp_path, "authority")


def make_address(certificate):
    return Address("127.0.0.1", 0, certificate.chain, certificate.key)


async def read_serial(running, authority):
    """The serial number of the certificate that a new connection is shown."""
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    _, writer = await asyncio.open_connection("127.0.0.1", running.server.port, ssl=trust)
    serial = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    await writer.wait_closed()
    return serial


def count_descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def replace(old, new):
    for name in ("chain", "key"):
        getattr(old, name).write_bytes(getattr(new, name).read_bytes())


async def test_a_renewed_certificate_is_shown_to_whoever_connects_next(authority, caplog):
    """Nobody has to restart or signal anything."""
    caplog.set_level(logging.INFO)
    first = authority.issue("first", ["127.0.0.1"])
    async with serve(address=make_address(first)) as running:
        before = await read_serial(running, authority)
        assert await read_serial(running, authority) == before
        replace(first, authority.issue("second", ["127.0.0.1"]))
        assert await read_serial(running, authority) != before
        assert len(read_fields(caplog, "certificate_renewed")) == 1


async def test_files_that_do_not_fit_each_other_leave_the_certificate_as_it_was(authority, caplog):
    """A renewal writes one file after the other; it is said once, and without a word of the key."""
    first = authority.issue("first", ["127.0.0.1"])
    async with serve(address=make_address(first)) as running:
        before = await read_serial(running, authority)
        second = authority.issue("second", ["127.0.0.1"])
        first.chain.write_bytes(second.chain.read_bytes())
        assert [await read_serial(running, authority) for _ in range(2)] == [before, before]
        assert len(read_fields(caplog, "certificate_refused")) == 1
        assert "BEGIN" not in caplog.text
        first.chain.unlink()
        assert await read_serial(running, authority) == before
        replace(first, second)
        assert await read_serial(running, authority) != before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_of_tls_are_refused(authority, version):
    async with serve(address=make_address(authority.issue("first", ["127.0.0.1"]))) as running:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = version, version
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", running.server.port, ssl=old)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await asyncio.open_connection("127.0.0.1", running.server.port, ssl=old)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
        writer.close()


async def test_a_handshake_that_does_not_end_in_time_is_given_up(authority, monkeypatch):
    monkeypatch.setattr(tls_listener, "HANDSHAKE_SECONDS", 0.05)
    async with serve(address=make_address(authority.issue("first", ["127.0.0.1"]))) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(b"\x16\x03\x01\x02")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_of_too_many_handshakes_the_oldest_are_given_up(authority, loop):
    """Callers that never finish theirs, and come all at once, keep nobody out, and hold no descriptors."""
    address = make_address(authority.issue("first", ["127.0.0.1"]))

    async def try_it() -> None:
        async with serve(address=address, most_connections=16) as running:
            before = count_descriptors()
            slow = [socket.create_connection(("127.0.0.1", running.server.port)) for _ in range(30)]
            for each in slow:
                each.sendall(b"\x16\x03\x01\x02")
            assert await read_serial(running, authority) is not None
            await until(lambda: count_descriptors() <= before + len(slow) + 4)
            assert running.server._listener.handshakes <= 4
            with contextlib.suppress(ConnectionResetError):
                assert slow[0].recv(1) == b""
            for each in slow:
                each.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(try_it())


async def test_a_stop_ends_handshakes_and_what_listens(authority):
    async with serve(address=make_address(authority.issue("first", ["127.0.0.1"]))) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        await until(lambda: running.server._listener.handshakes == 1)
        await running.server.stop(1)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", running.server.port)


async def test_an_address_that_is_taken_is_refused_with_tls_too(authority):
    certificate = authority.issue("first", ["127.0.0.1"])
    async with serve() as running:
        taken = Address("127.0.0.1", running.server.port, certificate.chain, certificate.key)
        with pytest.raises(Refused, match="cannot listen"):
            await HttpServer(running.sidecar, taken).start()


async def test_plain_http_on_a_port_with_tls_ends_without_an_answer(authority):
    async with serve(address=make_address(authority.issue("first", ["127.0.0.1"]))) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        said = await asyncio.wait_for(reader.read(), 5)
        assert b"HTTP" not in said
        writer.close()
        await until(lambda: not running.server._connections.connections)


def test_a_key_with_a_passphrase_is_refused_and_not_asked_for(authority, tmp_path):
    """OpenSSL would wait at the terminal for somebody to type it."""
    plain = authority.issue("first", ["127.0.0.1"])
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkcs8", "-topk8", "-in", plain.key, "-out", locked, "-passout", "pass:secret-phrase"]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ConfigError, match="cannot be used"):
        make_context(CertificateFiles(plain.chain, locked))
