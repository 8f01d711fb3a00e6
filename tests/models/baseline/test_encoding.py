import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoreline.errors import ModelRejected
from scoreline.models.baseline.axes import CategoricalAxis, NumericAxis
from scoreline.models.baseline.baseline import Origin
from scoreline.models.baseline.blocks import PackedBlocks, pack_counts, unpack_counts
from scoreline.models.baseline.building import TrainingRows, make_baseline
from scoreline.models.baseline.encoding import decode_baseline, encode_baseline
from tests.models.baseline.grids import FEATURES, GRID, NOTHING_UNSEEN, make_rows

ROWS = make_rows(120)
BASELINE = make_baseline(FEATURES, None, TrainingRows(*ROWS, np.arange(120.0)))
ENCODED = encode_baseline(BASELINE)


def rewrite(old: bytes, new: bytes) -> bytes:
    """The same bytes with another header."""
    start = ENCODED.index(b"\n") + 1
    length = struct.unpack_from("<I", ENCODED, start)[0]
    header = ENCODED[start + 4 : start + 4 + length]
    assert header.count(old) >= 1
    changed = header.replace(old, new, 1)
    return ENCODED[:start] + struct.pack("<I", len(changed)) + changed + ENCODED[start + 4 + length :]


def test_a_baseline_comes_back_bit_for_bit():
    back = decode_baseline(ENCODED)
    assert back.grid == BASELINE.grid
    assert back.total.bins.tobytes() == BASELINE.total.bins.tobytes()
    assert back.total.sums.tobytes() == BASELINE.total.sums.tobytes()
    assert back.means.tobytes() + back.deviations.tobytes() == BASELINE.means.tobytes() + BASELINE.deviations.tobytes()
    assert back.blocks is not None
    assert BASELINE.blocks is not None
    for one, other in zip(back.blocks, BASELINE.blocks, strict=True):
        assert (one.rows, one.bins.tobytes(), one.sums.tobytes()) == (
            other.rows,
            other.bins.tobytes(),
            other.sums.tobytes(),
        )
    assert encode_baseline(back) == ENCODED


def test_without_an_order_there_are_no_blocks_and_a_learned_one_says_when():
    for changes in ({"blocks": None}, {"blocks": None, "learned_at_ms": 1_700_000_000_000}):
        baseline = replace(BASELINE, **changes)
        back = decode_baseline(encode_baseline(baseline))
        assert (back.blocks, back.learned_at_ms, back.origin) == (None, baseline.learned_at_ms, baseline.origin)
    assert decode_baseline(ENCODED).origin is Origin.PUBLISHED


def test_blocks_stay_packed():
    blocks = decode_baseline(ENCODED).blocks
    assert isinstance(blocks, PackedBlocks)
    assert blocks[-1].rows == 1
    assert [block.rows for block in blocks[2:5]] == [1, 1, 1]
    with pytest.raises(IndexError):
        blocks[len(blocks)]


@pytest.mark.parametrize("highest", [255, 256, 2**16, 2**32])
def test_counts_of_any_size_are_packed(highest):
    counts = GRID.make_empty()
    counts.rows = highest
    counts.bins[GRID.offsets] = highest
    assert unpack_counts(pack_counts(counts), GRID).bins.tolist() == counts.bins.tolist()


@settings(max_examples=120)
@given(data=st.binary(max_size=300) | st.binary(max_size=200).map(lambda b: b"scoreline baseline 1\n" + b))
@example(b"")
@example(b"scoreline baseline 1\n\xff\xff\xff\xff")
def test_bytes_of_any_kind_are_rejected(data):
    with pytest.raises(ModelRejected):
        decode_baseline(data)


@settings(max_examples=120)
@given(at=st.integers(0, len(ENCODED) - 1), value=st.integers(0, 255))
def test_a_changed_byte_gives_a_baseline_or_is_rejected(at, value):
    damaged = bytearray(ENCODED)
    damaged[at] = value
    try:
        back = decode_baseline(bytes(damaged))
    except ModelRejected:
        return
    assert back.blocks is not None
    assert sum(block.rows for block in back.blocks) <= back.total.rows


@settings(max_examples=100)
@given(at=st.integers(0, len(ENCODED) - 1))
def test_whatever_is_cut_off_is_missed(at):
    with pytest.raises(ModelRejected):
        decode_baseline(ENCODED[:at])
    with pytest.raises(ModelRejected, match="bytes of counts"):
        decode_baseline(ENCODED + ENCODED[: at + 1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"axes"', b'"axis"', "damaged"),
        (b'"codes":3', b'"codes":1025', "damaged"),
        (b'"codes":3', b'"codes":4', "4 codes, but 3 levels"),
        (b'"codes":5', b'"codes":6', "do not fit its grid"),
        (b'"lowest":', b'"lowest":1e999,"l":', "damaged"),
        (b'"lowest":', b'"lowest":1e300,"l":', "reaches from"),
        (b'"highest":', b'"highest":1.7e308,"lowest":-1.7e308,"h":', "reaches from -1.7e.308 to 1.7e.308"),
        (b'"name":"speed"', b'"name":"speed","is_output":true', "outputs before features"),
        (b'{"axes":[', b'{"axes":[], "x":[', "damaged"),
        (b'{"axes":', b'{"x":' + b"[" * 100_000 + b', "axes":', "damaged"),
    ],
)
def test_a_header_that_contradicts_itself_is_rejected(old, new, message):
    with pytest.raises(ModelRejected, match=message):
        decode_baseline(rewrite(old, new))


def test_a_header_of_another_version_is_told_from_no_baseline():
    with pytest.raises(ModelRejected, match="a newer scoreline"):
        decode_baseline(ENCODED.replace(b"baseline 1\n", b"baseline 2\n", 1))
    with pytest.raises(ModelRejected, match="this is no baseline"):
        decode_baseline(b"PK\x03\x04")


def test_far_too_many_bins_are_rejected_before_memory_is_taken_for_them():
    axis = b'{"type":"categorical","name":"x","codes":1024},'
    with pytest.raises(ModelRejected, match="more than 1,048,576 bins"):
        decode_baseline(rewrite(b'{"axes":[', b'{"axes":[' + axis * 2000))


def test_counts_that_contradict_each_other_are_rejected():
    counts = GRID.count(*make_rows(5)[:1], NOTHING_UNSEEN, np.zeros(5))
    counts.bins[0] += 1
    with pytest.raises(ModelRejected, match="contradict each other"):
        unpack_counts(pack_counts(counts), GRID)


def test_a_baseline_of_huge_values_of_both_signs_is_one_without_a_sum():
    """They add up to no number: neither a warning nor a reason to reject what was made a moment ago."""
    matrix, scores = make_rows(4000)
    matrix[:, 0] = np.where(np.arange(4000) < 2000, 1.7e308, -1.7e308)
    baseline = make_baseline(FEATURES, None, TrainingRows(matrix, scores, np.arange(4000.0)))
    again = decode_baseline(encode_baseline(baseline))
    assert np.isnan(again.total.sums[0])
    assert np.isfinite([*again.means, *again.deviations, *again.total.sums[1:]]).all()


def test_packed_bytes_that_grow_without_end_are_not_unpacked():
    bomb = b"\x01" + zlib.compress(bytes(3_000_000), 9)
    with pytest.raises(ModelRejected, match="do not fit its grid"):
        unpack_counts(bomb, GRID)


def test_means_and_deviations_have_to_be_numbers():
    for changes in ({"means": BASELINE.means * np.nan}, {"deviations": -1 - BASELINE.deviations}):
        with pytest.raises(ModelRejected, match="a mean or a standard deviation that is none"):
            decode_baseline(encode_baseline(replace(BASELINE, **changes)))


def test_axes_of_every_kind_are_kept():
    axes = BASELINE.grid.axes
    assert {type(axis) for axis in axes} == {NumericAxis, CategoricalAxis}
    assert decode_baseline(ENCODED).grid.axes == axes
