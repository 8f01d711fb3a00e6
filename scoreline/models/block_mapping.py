"""The texts in a YAML document of nested mappings, as `yaml.safe_dump` writes one: enough for an MLflow model's file.

No YAML library has to be installed for it. Lists are skipped; numbers, dates and nulls stay the texts that they are.
"""

import re
from collections.abc import Iterator, Mapping

from scoreline.errors import ConfigError

_KEY = re.compile(r"""(?P<indent> *)(?P<key>[^\s'"#\-\[\]{},&*!|>%@`:][^:#'"]*):(?: +(?P<value>\S.*))?""")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_NAMED = {"0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b"}
_MORE_NAMED = {"N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"}


def read_block_mapping(text: str) -> Mapping[tuple[str, ...], str]:
    """Every scalar of a document by the keys that lead to it; a key that holds a mapping has an empty text.

    Raises:
        ConfigError: a quoted text does not end.
    """
    found: dict[tuple[str, ...], str] = {}
    path: list[tuple[int, str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        match = _KEY.fullmatch(line.rstrip())
        if match is None:
            _fold(found, path, line)
            continue
        indent = len(match["indent"])
        path = [(depth, key) for depth, key in path if depth < indent]
        path.append((indent, match["key"]))
        keys = tuple(key for _, key in path)
        value = match["value"] or ""
        found[keys] = _read_quoted(value, lines) if value[:1] in ("'", '"') else value
    return found


def _fold(found: dict[tuple[str, ...], str], path: list[tuple[int, str]], line: str) -> None:
    """A plain text goes on in lines that are indented further; a list's items are not."""
    keys = tuple(key for _, key in path)
    begun = found.get(keys)
    if begun and path and len(line) - len(line.lstrip(" ")) > path[-1][0] and not line.lstrip().startswith("- "):
        found[keys] = f"{begun} {line.strip()}"


def _read_quoted(begun: str, lines: Iterator[str]) -> str:
    quote = begun[0]
    end = re.compile(r"(?:[^']|'')*'" if quote == "'" else r'(?:[^"\\]|\\.)*"', re.DOTALL)
    body = begun[1:]
    while end.fullmatch(body) is None:
        following = next(lines, None)
        if following is None:
            raise ConfigError(f"a text in quotes does not end: {begun[:40]}")
        body = f"{body}\n{following}"
    return _unfold_single(body[:-1]) if quote == "'" else _unfold_double(body[:-1])


def _unfold_single(body: str) -> str:
    return _join_lines(body).replace("''", "'")


def _unfold_double(body: str) -> str:
    joined = _join_lines(re.sub(r"\\\n[ \t]*", "", body))
    return _ESCAPE.sub(_unescape, joined)


def _join_lines(body: str) -> str:
    """One line break is a space, and each of several but the first one a line break."""
    return re.sub(r"[ \t]*\n((?:[ \t]*\n)*)[ \t]*", lambda m: "\n" * m[1].count("\n") or " ", body)


def _unescape(match: "re.Match[str]") -> str:
    number = match[1] or match[2] or match[3]
    if number:
        return chr(int(number, 16))
    return (_NAMED | _MORE_NAMED).get(match[4], match[4])
