import hashlib
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import MalformedRequest, RequestTooLarge
from scoreline.jobs.chunk import FIRST_CHUNKS, MOST_BYTES, MOST_ROWS, Chunk
from scoreline.jobs.cutting import FIRST_ROWS, ChunkCutter, rows_per_chunk
from tests.jobs.builders import make_order


def make_cutter(*, max_rows=10_000_000, max_line_bytes=1024 * 1024, chunk_rows=MOST_ROWS, digest=None):
    return ChunkCutter(
        make_order(),
        max_rows=max_rows,
        max_line_bytes=max_line_bytes,
        digest=digest or hashlib.sha256(),
        chunk_rows=chunk_rows,
    )


def cut(pieces, **options) -> list[Chunk]:
    cutter = make_cutter(**options)
    return [chunk for piece in pieces for chunk in cutter.feed(piece)] + cutter.finish()


def split_lines(body: bytes) -> list[bytes]:
    """The lines of a body by a reading of the rules."""
    return [line for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip(b" \t\r")]


BODIES = st.lists(
    st.sampled_from([b"{}", b'{"a":1}', b"", b" ", b"\r", b"\t \r", b"  {}", b"x" * 50, b"\xef\xbb\xbf", b"\x00"]),
    max_size=40,
).map(b"\n".join)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), body=BODIES, bom=st.booleans(), chunk_rows=st.integers(1, 9))
def test_rows_are_those_of_a_naive_reading_however_the_body_is_split(data, body, bom, chunk_rows):
    body = (b"\xef\xbb\xbf" if bom else b"") + body
    marks = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *marks], [*marks, len(body)], strict=True)]
    expected = split_lines(body)
    digest = hashlib.sha256()
    if not expected:
        with pytest.raises(MalformedRequest):
            cut(pieces, chunk_rows=chunk_rows, digest=digest)
    else:
        chunks = cut(pieces, chunk_rows=chunk_rows, digest=digest)
        assert [line for chunk in chunks for line in chunk.lines.split(b"\n")] == expected
        assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
        assert [chunk.rows for chunk in chunks] == [len(chunk.lines.split(b"\n")) for chunk in chunks]
        assert [chunk.first_row for chunk in chunks] == [sum(c.rows for c in chunks[:i]) for i in range(len(chunks))]
        assert [chunk.rows for chunk in chunks[:-1]] == [chunk_rows] * (len(chunks) - 1)
    assert digest.digest() == hashlib.sha256(body).digest()


def test_first_chunks_are_small_and_the_others_large():
    chunks = cut([b'{"a":1}\n' * 10_000])
    assert [chunk.rows for chunk in chunks[:FIRST_CHUNKS]] == [FIRST_ROWS] * FIRST_CHUNKS
    assert [chunk.rows for chunk in chunks[FIRST_CHUNKS:]] == [MOST_ROWS] * 3 + [
        10_000 - 8 * FIRST_ROWS - 3 * MOST_ROWS
    ]


def test_a_chunk_has_no_more_bytes_than_it_may_but_a_longer_line_is_one():
    rows = [b"a" * 300_000] * 7 + [b"b" * (MOST_BYTES + 5)] + [b"c" * (MOST_BYTES - 1), b"d"]
    chunks = cut([b"\n".join(rows)], max_line_bytes=2 * MOST_BYTES)
    assert [chunk.rows for chunk in chunks] == [3, 3, 1, 1, 1, 1]
    assert b"\n".join(chunk.lines for chunk in chunks) == b"\n".join(rows)


def test_a_chunk_comes_as_soon_as_it_is_full():
    cutter = make_cutter()
    assert cutter.feed(b"{}\n" * (FIRST_ROWS - 1) + b"{}") == []
    assert [chunk.rows for chunk in cutter.feed(b"\n")] == [FIRST_ROWS]
    assert (cutter.rows, cutter.chunks) == (FIRST_ROWS, 1)


@pytest.mark.parametrize("split", [1, 7, 1000])
def test_a_line_that_is_too_long_is_named_before_it_ends(split):
    body = b"{}\n" * 3 + b"x" * 101
    with pytest.raises(RequestTooLarge, match=r"^line 4 is longer than the 100 bytes"):
        cut([body[i : i + split] for i in range(0, len(body), split)], max_line_bytes=100)


def test_a_line_that_is_just_short_enough_is_taken():
    assert cut([b"x" * 100 + b"\n" + b"y" * 100], max_line_bytes=100)[0].rows == 2


def test_more_rows_than_allowed_are_refused():
    assert len(cut([b"1\n" * 10], max_rows=10)) == 1
    with pytest.raises(RequestTooLarge, match="more than the 10 rows"):
        cut([b"1\n" * 11], max_rows=10)


def test_empty_lines_without_end_are_refused():
    pieces = [b" \n"] * 100
    with pytest.raises(RequestTooLarge, match="most of them empty"):
        cut(pieces, max_rows=10)


@pytest.mark.parametrize("body", [b"", b"\n\n", b"  \r\n \t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_body_without_rows_is_refused(body):
    with pytest.raises(MalformedRequest, match="no rows"):
        cut([body])


@pytest.mark.parametrize("body", [b"\xef", b"\xef\xbb"])
def test_half_a_byte_order_mark_is_a_row(body):
    """A bad one, which scoring will tell."""
    assert cut([body])[0].lines == body


def test_rows_of_a_json_body_become_lines_that_mean_the_same():
    rows = [{"a": "x\ny", "b": [1, {"c": "\r\n"}]}, 3, None, {"ü": "\u2028"}]
    body = json.dumps({"instances": rows}, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode()
    digest = hashlib.sha256()
    cutter = make_cutter(chunk_rows=3, digest=digest)
    chunks = cutter.feed_json(body, max_instances=4) + cutter.finish()
    assert [json.loads(line) for chunk in chunks for line in chunk.lines.split(b"\n")] == rows
    assert [chunk.rows for chunk in chunks] == [3, 1]
    assert digest.digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("body", [b"[]", b'{"instances":[]}', b'{"instances":[1,]}', b'{"instances":["a\nb"]}'])
def test_a_json_body_of_another_shape_is_refused(body):
    with pytest.raises(MalformedRequest):
        make_cutter().feed_json(body, max_instances=4)


def test_a_json_body_of_too_many_rows_is_refused():
    with pytest.raises(RequestTooLarge):
        make_cutter().feed_json(b'{"instances":[1,2,3]}', max_instances=2)


@pytest.mark.parametrize("classes", [0, 2, 10, 100, 5000, 10**6])
def test_a_result_of_any_number_of_classes_stays_small(classes):
    rows = rows_per_chunk(classes)
    assert 1 <= rows <= MOST_ROWS
    assert rows == 1 or rows * (1 + classes) * 8 <= 512 * 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_the_body():
    piece = (b'{"a":1.25,"b":"' + b"x" * 480 + b'"}\n') * 130
    cutter = make_cutter()
    tracemalloc.start()
    try:
        for _ in range(1000):
            cutter.feed(piece)
        assert tracemalloc.get_traced_memory()[1] < 8 * MOST_BYTES
    finally:
        tracemalloc.stop()
    assert cutter.rows == 130_000
