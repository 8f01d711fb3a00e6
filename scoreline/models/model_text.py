"""LightGBM's text format taken apart: header, trees and tail, as bytes, checked before LightGBM itself may see them.

LightGBM's parser trusts its input: a truncated file is a SIGSEGV, a changed length a SIGABRT, and a child index out
of range reads foreign memory while it predicts. So the structure is checked here, in Python, where nothing can crash.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scoreline.errors import ModelRejected

KNOWN_VERSIONS = ("v2", "v3", "v4")

_FIRST_LINE = b"tree"
_END_OF_TREES = b"end of trees"
_PARAMETERS = b"parameters:"
_END_OF_PARAMETERS = b"end of parameters"
_PANDAS = b"pandas_categorical:"
_REQUIRED = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "feature_names",
    "feature_infos",
    "tree_sizes",
)
_MOST_FEATURES = 10_000_000


@dataclass(frozen=True, slots=True)
class ModelText:
    """The parts of a model's text.

    Attributes:
        header: lines before the first tree; a flag such as `average_output` has an empty value.
        trees: the keys of each tree, undecoded.
        parameters: what it was trained with, as LightGBM wrote it.
        pandas_categorical: level lists of the pandas columns it was trained from, without names.
    """

    header: Mapping[str, str]
    trees: tuple[Mapping[str, bytes], ...]
    parameters: Mapping[str, str]
    pandas_categorical: tuple[tuple[Any, ...], ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """In the order of the matrix."""
        return tuple(self.header["feature_names"].split(" "))

    @property
    def feature_infos(self) -> tuple[str, ...]:
        """`[low:high]` for a numeric feature, `1:4:7` for a categorical one, `none` for one that never varied."""
        return tuple(self.header["feature_infos"].split(" "))

    def header_number(self, key: str) -> int:
        """A whole number of the header.

        Raises:
            ModelRejected: it is none.
        """
        return _whole(key, self.header[key])


def is_model_text(data: bytes) -> bool:
    """Whether the first line is that of a LightGBM text; says nothing about the rest."""
    return data[: max(data.find(b"\n"), 0)].strip() == _FIRST_LINE


def read_header(data: bytes) -> Mapping[str, str]:
    """The lines before the first tree, decoded.

    Raises:
        ModelRejected: this is no text that LightGBM has written, or it is damaged.
    """
    return _read_header(data)[0]


def split_model_text(data: bytes) -> ModelText:
    """Take a whole text apart and check that it is complete.

    Raises:
        ModelRejected: this is no text that LightGBM has written, or it is damaged.
    """
    header, start = _read_header(data)
    sizes = [_whole("tree_sizes", size) for size in header["tree_sizes"].split(" ") if size]
    trees = tuple(_read_trees(data, start, sizes))
    tail = data[start + sum(sizes) :]
    parameters, rest = _read_tail(tail)
    return ModelText(header, trees, parameters, _read_pandas_categorical(rest))


def _read_header(data: bytes) -> tuple[Mapping[str, str], int]:
    """The header, and where the first tree starts."""
    if b"\x00" in data:
        raise ModelRejected("the model text holds a NUL byte: the file is damaged, or no LightGBM text at all")
    if not is_model_text(data):
        raise ModelRejected(
            "this is no LightGBM model text (its first line is not 'tree'); write it with booster.save_model(FILE)"
        )
    header: dict[str, str] = {}
    at = data.index(b"\n") + 1
    while not data.startswith((b"Tree=", _END_OF_TREES), at):
        end = data.find(b"\n", at)
        if end < 0:
            raise ModelRejected("the model text ends within its header: the file is truncated")
        line = _text(data[at:end].removesuffix(b"\r"))
        if "\r" in line:  # where LightGBM would see the end of a line
            raise ModelRejected(f"the model text's header has a carriage return within a line: {line[:80]!r}")
        key, separator, value = line.partition("=")
        if key in header:
            raise ModelRejected(f"the model text's header says {key!r} twice")
        if separator or line == "average_output":
            header[key] = value
        elif line:
            raise ModelRejected(f"the model text's header has a line that is no key=value: {line[:80]!r}")
        at = end + 1
    _check_header(header)
    return header, at


def _check_header(header: Mapping[str, str]) -> None:
    missing = [key for key in _REQUIRED if key not in header]
    if missing:
        raise ModelRejected(f"the model text's header lacks {', '.join(missing)}")
    if header["version"] not in KNOWN_VERSIONS:
        raise ModelRejected(f"the model text is of format {header['version']!r}; known are {', '.join(KNOWN_VERSIONS)}")
    features = _whole("max_feature_idx", header["max_feature_idx"]) + 1
    names = header["feature_names"].split(" ")
    infos = header["feature_infos"].split(" ")
    if not len(names) == len(infos) == features <= _MOST_FEATURES:
        raise ModelRejected(
            f"the model text names {len(names)} features and describes {len(infos)}, but says that it has {features}"
        )
    if len(set(names)) != features or not all(names):
        raise ModelRejected("the model text's feature names repeat, or one is empty")


def _read_trees(data: bytes, start: int, sizes: list[int]) -> Iterator[Mapping[str, bytes]]:
    at = start
    for number, size in enumerate(sizes):
        piece = data[at : at + size]
        first, _, body = piece.partition(b"\n")
        if len(piece) != size or first.rstrip(b"\r") != b"Tree=%d" % number:
            raise ModelRejected(f"tree {number} is not where tree_sizes says: the file is truncated or was edited")
        lines = body.strip().splitlines()
        parts = (line.partition(b"=") for line in lines)
        tree = {key.decode("latin-1"): value for key, equals, value in parts if equals}
        if len(tree) != len(lines) or not piece.endswith(b"\n"):
            raise ModelRejected(f"tree {number} has a line that is no key=value of its own: the file is damaged")
        yield tree
        at += size
    if not data.startswith(_END_OF_TREES, at):
        raise ModelRejected("the model text does not end its trees where tree_sizes says: truncated or edited")


def _read_tail(tail: bytes) -> tuple[Mapping[str, str], list[bytes]]:
    """The training parameters, and the lines after them."""
    lines = [line.rstrip(b"\r") for line in tail.split(b"\n")]
    if _PARAMETERS not in lines:
        return {}, lines
    if _END_OF_PARAMETERS not in lines:
        raise ModelRejected("the model text ends within its parameters: the file is truncated")
    begin, end = lines.index(_PARAMETERS), lines.index(_END_OF_PARAMETERS)
    parameters: dict[str, str] = {}
    for line in lines[begin + 1 : end]:
        if line.startswith(b"[") and line.endswith(b"]"):
            key, _, value = _text(line[1:-1]).partition(":")
            parameters[key] = value.strip()
    return parameters, [_END_OF_PARAMETERS, *lines[end + 1 :]]


def _read_pandas_categorical(lines: list[bytes]) -> tuple[tuple[Any, ...], ...]:
    last = next((line for line in reversed(lines) if line.strip()), b"")
    if last.startswith(_PANDAS):
        try:
            lists = json.loads(last.removeprefix(_PANDAS))
        except (ValueError, RecursionError) as error:
            raise ModelRejected(f"the model text's pandas_categorical is no JSON: {error}") from error
        if lists is None:
            return ()
        if not isinstance(lists, list) or not all(isinstance(levels, list) for levels in lists):
            raise ModelRejected("the model text's pandas_categorical is no list of lists")
        return tuple(tuple(levels) for levels in lists)
    if last != _END_OF_PARAMETERS:
        raise ModelRejected("the model text ends before its parameters are complete: the file is truncated")
    return ()


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ModelRejected(f"the model text is no UTF-8: {error}") from error


def _whole(key: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ModelRejected(f"the model text's {key} should hold whole numbers, but has {text[:40]!r}")
    return int(text)
