"""A service as users run it, and who means it harm: others are answered, and its memory stays as it was."""

import asyncio
import contextlib
import gzip
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scoreline.testing.certificates import CertificateAuthority
from scoreline.testing.service import SERVICE, ServiceProcess
from tests.http.fuzz import read_resident
from tests.http.fuzz_oracle import publish_model

pytestmark = pytest.mark.slow

TOKEN = "predict-hunter2-Zürich"
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"
    % TOKEN.encode()
)
GOOD = b'{"instances": [{"strict": 1}]}'
LIMIT = 8 * 2**20
PIECE = b" " * 2**20
GIGABYTE = 1024


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("siege")
    publish_model(folder)
    variables = {
        "MODEL_STORE": str(folder / "models"),
        "CACHE_DIR": str(folder / "cache"),
        "MODEL": "fuzzed",
        "HTTP_TOKENS": f"predict:{TOKEN},admin:admin-hunter3",
        "HTTP_ACCESS_LOG": "all",
        "HTTP_TIMEOUT_SECONDS": "2",
        "LOG_LEVEL": "DEBUG",
    }
    with ServiceProcess(variables, folder, roles=["http"]) as service:
        yield service.await_ready()
        assert service.await_ready(5)
        assert not [entry for entry in service.logs() if entry["level"] in ("ERROR", "CRITICAL")]


async def ask(service: ServiceProcess, text: bytes) -> bytes:
    """What comes back on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(text)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def is_served(service: ServiceProcess) -> bool:
    """Whether others get health and predictions, each on a new connection."""
    health = await ask(service, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    good = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(GOOD)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(good)
    await writer.drain()
    await asyncio.sleep(0.002)
    writer.write(GOOD)  # in a packet of its own, as most clients send it
    scored = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return health.startswith(b"HTTP/1.1 200 ") and scored.startswith(b"HTTP/1.1 200 ")


@asynccontextmanager
async def others_are_served(service: ServiceProcess) -> AsyncIterator[list[float]]:
    """How long others waited, in seconds, while something else went on."""
    took: list[float] = []
    ended = asyncio.Event()

    async def go_on() -> None:
        while not ended.is_set():
            began = time.perf_counter()
            assert await is_served(service)
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)

    going = asyncio.create_task(go_on())
    yield took
    ended.set()
    await going


async def send_on(service: ServiceProcess, headers: bytes, piece: bytes, pieces: int) -> tuple[bytes, int]:
    """The answer to a body of so many pieces, and how many of them were sent until the connection ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(HEAD + headers + b"\r\n")
    answer = bytearray()

    async def collect() -> None:
        with contextlib.suppress(ConnectionError):  # a reset ends it as well: what came before is what counts
            while some := await reader.read(65536):
                answer.extend(some)

    collecting = asyncio.create_task(collect())
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < pieces and not collecting.done():
            writer.write(piece)
            await writer.drain()
            sent += 1
    await asyncio.wait_for(collecting, 10)
    writer.transport.abort()
    return bytes(answer), sent


def make_bomb() -> tuple[bytes, bytes, int]:
    bomb = gzip.compress(b" " * 2**28, 9)
    return b"Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n" % len(bomb), bomb, 1


HUGE = {
    "announced": lambda: (b"Content-Length: %d\r\n" % (GIGABYTE * len(PIECE)), PIECE, GIGABYTE),
    "chunked": lambda: (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n" % (len(PIECE), PIECE), GIGABYTE),
    "bomb": make_bomb,
}


@pytest.mark.parametrize("kind", HUGE)
async def test_a_gigabyte_is_cut_off_at_the_limit(service, kind):
    """The caller sees a 413, little more is taken from it, and memory stays as it was."""
    assert await is_served(service)
    before = read_resident(service.pid)
    async with others_are_served(service):
        answer, sent = await send_on(service, *HUGE[kind]())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < 150
    assert read_resident(service.pid) - before < 2 * LIMIT


async def test_a_caller_that_asks_before_it_sends_a_gigabyte_does_not_send_it(service):
    answer = await ask(service, HEAD + b"Expect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_many_large_bodies_at_once_stay_within_their_budget(service):
    """Eight times the limit, and some of each, in buffers that grow; others are answered all the same."""
    before = read_resident(service.pid)
    headers = b"Connection: close\r\nContent-Length: %d\r\n" % (len(PIECE) * 7)
    async with others_are_served(service) as took:
        answers = await asyncio.gather(*(send_on(service, headers, PIECE, 6) for _ in range(100)))
        grown = read_resident(service.pid) - before
    statuses = {answer[9:12] for answer, _ in answers}
    assert statuses <= {b"408", b"429", b""}
    assert b"429" in statuses
    assert grown < 24 * LIMIT  # of the 75 that are offered
    assert max(took) < 5


SLOW = {
    "line": b"GET /hea",
    "header": HEAD + b"X-Slow: ",
    "body": HEAD + b"Content-Length: 50000\r\n\r\n{",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", SLOW)
async def test_more_callers_than_there_are_places_stop_nobody_with_a_byte_a_second(service, kind):
    """They are given up for those that want something, and later for being slow."""
    writers: list[asyncio.StreamWriter] = []

    async def connect(_: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(SLOW[kind])
        writers.append(writer)

    async with others_are_served(service) as took:
        for start in range(0, 1500, 100):
            await asyncio.gather(*map(connect, range(start, start + 100)))
        for _ in range(2):
            await asyncio.sleep(1)
            for writer in writers:
                if not writer.is_closing():
                    writer.write(b"a" if kind != "nothing" else b"")
    assert sorted(took)[len(took) // 2] < 0.5
    assert max(took) < 5
    for writer in writers:
        writer.transport.abort()


async def test_callers_that_read_no_answers_hold_little(service):
    """Each asks for metrics again and again."""
    before = read_resident(service.pid)
    writers = []
    async with others_are_served(service):
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=1024)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
            writers.append(writer)
        await asyncio.sleep(0.5)
    assert read_resident(service.pid) - before < 4 * LIMIT
    for writer in writers:
        writer.transport.abort()


async def test_tokens_and_what_callers_write_are_nowhere(service):
    """Neither in answers nor in the log, at any level; and no line of the log is one that a caller made."""
    evil = "evil\x1b[31m\u2028"
    asked = [
        HEAD + b"Content-Length: 1\r\n\r\n{",
        HEAD.replace(b"predict-", b"evil-") + b"Content-Length: 0\r\n\r\n",
        b"GET /evil%0d%0a HTTP/1.1\r\nHost: evil\r\n\r\n",
        b"GET /models/evil%0aline HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-hunter3\r\n\r\n",
        b"GET /health?evil%0a=%1b HTTP/1.1\r\nHost: x\r\nUser-Agent: evil\r\nReferer: evil\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: evil%s\r\nForwarded: for=evil\r\n\r\n" % evil.encode(),
        b"EVIL / HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    row = json.dumps({"instances": [{evil: 1, "strict": evil}]}).encode()
    asked.append(HEAD + b"Content-Length: %d\r\n\r\n" % len(row) + row)
    close = b"Host: x\r\nConnection: close\r\n"
    told = b"".join([await ask(service, text.replace(b"Host: x\r\n", close)) for text in asked[:2] + asked[3:]])
    for path in (b"/health", b"/stats", b"/metrics", b"/models"):
        line = b"GET %s HTTP/1.1\r\n" % path
        told += await ask(service, line + HEAD.split(b"\r\n", 1)[1].replace(b"Host: x\r\n", close) + b"\r\n")
    assert b"hunter" not in told
    written = b"".join(path.read_bytes() for path in service._folder.glob("service.*"))
    assert b"evil" not in written.lower()
    assert b"hunter" not in written
    assert all(json.loads(line)["timestamp"] for line in written.splitlines() if line)


def await_start(service: ServiceProcess) -> None:
    """Until it says so: over TLS it cannot be asked as easily."""
    deadline = time.monotonic() + 30
    while not service.logs("service_started"):
        assert time.monotonic() < deadline, service.last_words()
        time.sleep(0.05)


async def test_few_descriptors_are_enough_for_callers_that_want_something(tmp_path):
    """Many times as many others begin a handshake and never end it; files are opened meanwhile, too."""
    publish_model(tmp_path)
    authority = CertificateAuthority(tmp_path / "tls", "authority")
    certificate = authority.issue("service", ["127.0.0.1"])
    variables = {
        "MODEL_STORE": str(tmp_path / "models"),
        "CACHE_DIR": str(tmp_path / "cache"),
        "MODEL": "fuzzed",
        "MODEL_RELOAD_SECONDS": "1",
        "HTTP_TLS_CERT": str(certificate.chain),
        "HTTP_TLS_KEY": str(certificate.key),
    }
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    command = ["sh", "-c", 'ulimit -n 200; exec "$0" "$@"', *SERVICE]
    with ServiceProcess(variables, tmp_path, roles=["http"], command=command) as service:
        await asyncio.to_thread(await_start, service)
        idle = []
        for _ in range(5):
            idle += [(await asyncio.open_connection("127.0.0.1", service.port))[1] for _ in range(100)]
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port, ssl=trust)
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200 ")
            writer.close()
        await asyncio.sleep(1)  # long enough for a look at the store
        assert not [entry for entry in service.logs() if entry["level"] != "INFO"]
        for writer in idle:
            writer.transport.abort()
