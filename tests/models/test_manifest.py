import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import ModelRejected
from scoreline.features import Feature, Kind
from scoreline.models.manifest import Manifest, decode_manifest, encode_manifest
from tests.models.builders import MANIFEST


def decode(data: bytes) -> Manifest:
    return decode_manifest(data, name="flights", version=3)


def without_checksum() -> dict:
    content = json.loads(encode_manifest(MANIFEST))
    del content["checksum"]
    return content


def test_a_manifest_comes_back_as_it_was():
    assert decode(encode_manifest(MANIFEST)) == MANIFEST


levels = st.lists(
    st.one_of(st.text(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)),
    min_size=1,
    unique=True,
)


@settings(max_examples=40)
@given(levels=levels, tags=st.dictionaries(st.text(), st.text()), name=st.text(min_size=1))
def test_any_names_levels_and_tags_come_back_as_they_were(levels, tags, name):
    feature = Feature(name, Kind.CATEGORICAL, levels=tuple(levels))
    manifest = replace(MANIFEST, features=(feature,), tags=tags)
    back = decode(encode_manifest(manifest))
    assert back == manifest
    assert [type(level) for level in back.features[0].levels or ()] == [type(level) for level in levels]


def test_keys_of_a_newer_writer_are_ignored():
    content = {**without_checksum(), "signature": {"by": "someone"}}
    assert decode(json.dumps(content).encode()) == MANIFEST


def test_a_format_that_is_not_known_here_can_be_read_about():
    content = {**without_checksum(), "format": "onnx"}
    assert decode(json.dumps(content).encode()).format == "onnx"


def test_a_manifest_that_is_cut_anywhere_is_rejected():
    data = encode_manifest(MANIFEST).rstrip()
    for end in range(len(data)):
        with pytest.raises(ModelRejected):
            decode(data[:end])


def test_a_single_changed_letter_is_rejected():
    data = encode_manifest(MANIFEST)
    for old, new in [(b"Z\xc3\xbcrich", b"Zurich"), (b'"nullable":false', b'"nullable":true '), (b"0.91", b"0.92")]:
        changed = data.replace(b'": ', b'":').replace(old, new)
        assert changed != data.replace(b'": ', b'":')
        with pytest.raises(ModelRejected, match="changed after it was published"):
            decode(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "other"}, "says that it is other 3"),
        ({"version": 4}, "says that it is flights 4"),
        ({"version": 0}, "numbered from 1"),
        ({"blobs": {}}, "no blob with the role 'model'"),
        ({"blobs": {"model": {"sha256": "../../etc/passwd", "size": 1}}}, "is no sha256"),
        ({"blobs": {"model": {"sha256": "0" * 64, "size": -1}}}, "is no size"),
        ({"features": []}, "no features"),
        ({"features": [{"name": "x"}, {"name": "x"}]}, "repeat"),
        ({"features": [{"name": "x", "kind": "complex"}]}, "damaged"),
        ({"classes": ["a", "a"]}, "repeat"),
        ({"classes": None}, "names of its classes"),
        ({"output": "words"}, "damaged"),
    ],
)
def test_a_manifest_that_says_something_impossible_is_rejected(change, message):
    with pytest.raises(ModelRejected, match=message):
        decode(json.dumps({**without_checksum(), **change}).encode())


@pytest.mark.parametrize("key", ["name", "version", "blobs", "features", "output", "format", "created", "by"])
def test_a_manifest_without_a_needed_key_is_rejected(key):
    content = without_checksum()
    del content[key]
    with pytest.raises(ModelRejected, match=key):
        decode(json.dumps(content).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff\xfe", b'"t\x80xt"', b'"text"', b"[" * 100_000])
def test_what_is_no_manifest_is_rejected(data):
    with pytest.raises(ModelRejected):
        decode(data)
