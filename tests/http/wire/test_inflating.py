import gzip
import random
import zlib

import pytest

from scoreline.errors import MalformedRequest
from scoreline.http.wire.inflating import PIECE_BYTES, InflatedBody


class Pieces:
    """A body that comes piece by piece."""

    def __init__(self, *pieces):
        self._pieces = list(pieces)

    async def readany(self):
        return self._pieces.pop(0) if self._pieces else b""


def deflate_raw(data):
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


COMPRESSED = [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", deflate_raw)]


def cut(data, rng):
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]


async def inflate(encoding, *pieces):
    body, found = InflatedBody(Pieces(*pieces), encoding), []
    while piece := await body.readany():
        found.append(piece)
    assert await body.readany() == b""
    return found


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
@pytest.mark.parametrize("seed", range(20))
async def test_a_body_is_what_it_was_before_however_it_is_cut(encoding, compress, seed):
    rng = random.Random(seed)
    size = rng.choice([0, 1, 100, PIECE_BYTES, PIECE_BYTES * 2, PIECE_BYTES * 3 + 7])
    data = rng.choice([rng.randbytes(size), b"ab" * (size // 2)])
    pieces = await inflate(encoding, *cut(compress(data), rng))
    assert b"".join(pieces) == data
    assert all(len(piece) <= PIECE_BYTES for piece in pieces)


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_a_body_that_breaks_off_anywhere_is_refused(encoding, compress):
    sent = compress(b"some rows of a job\n" * 20)
    for end in range(1, len(sent)):
        with pytest.raises(MalformedRequest):
            await inflate(encoding, sent[:end])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_without_a_byte_is_empty(encoding):
    assert await inflate(encoding) == []


@pytest.mark.parametrize("seed", range(10))
async def test_streams_of_gzip_may_follow_one_another(seed):
    rng = random.Random(seed)
    parts = [rng.randbytes(rng.choice([0, 0, 10, 70_000])) for _ in range(5)]
    sent = b"".join(map(gzip.compress, parts))
    assert b"".join(await inflate("gzip", *cut(sent, rng))) == b"".join(parts)


async def test_thousands_of_empty_streams_are_nothing():
    assert await inflate("gzip", gzip.compress(b"") * 5000) == []


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_what_follows_the_end_is_refused(encoding, compress):
    for rest in ([b"x"], []):
        with pytest.raises(MalformedRequest):
            await inflate(encoding, compress(b"rows") + b"no stream"[: 9 * (not rest)], *rest)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_what_is_no_stream_is_refused(encoding):
    for seed in range(50):
        data = random.Random(seed).randbytes(40)
        with pytest.raises(MalformedRequest):
            await inflate(encoding, b"\xff" + data)


async def test_damage_is_found_by_the_checksum():
    sent = bytearray(gzip.compress(b"rows" * 1000, mtime=0))
    sent[-8] ^= 1
    with pytest.raises(MalformedRequest):
        await inflate("gzip", bytes(sent))


async def test_little_that_stands_for_much_is_undone_bit_by_bit():
    body = InflatedBody(Pieces(gzip.compress(bytes(10_000_000))), "gzip")
    for _ in range(5):
        assert len(await body.readany()) <= PIECE_BYTES
