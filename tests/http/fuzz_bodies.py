"""Bodies for `POST /predict`: good ones, good ones with something wrong at a place that matters, and bytes."""

import json
from collections.abc import Sequence
from random import Random

from tests.http.fuzz_oracle import MOST_ROWS, NAMES, PLACES, SIZES

VALUES = """NaN|Infinity|-Infinity|nan|1e400|-1e400|1e-400|5e-324|2.2250738585072011e-308|1.7976931348623157e308
1.7976931348623159e308|9007199254740993|9007199254740993.0|-9007199254740993|18446744073709551615|18446744073709551616
-9223372036854775809|123456789012345678901234567890|0.1|0.30000000000000004|-0|-0.0|00|01|1.|.5|+1|1e5|1E+5|1e|0x10|1_0
2147483647|2147483648|-1|3.0|5|5.5|true|false|True|null|None|undefined|"1"|""|"NaN"|"Bern"|"Z\\u00fcrich"|"Zürich"
"a\\tb"|"\\ud83d\\ude00"|"\\ud800"|"\\u0000"|"\\x41"|"\\u00g0"|"unfinished|[]|{}|[1]|{"x": 1}|[[[[[[]]]]]]|'x'|/**/1|1,2
1 2|1;|1//|0.1e1|1e0000000000000000000000000000001|-|--1|1.5e|tru|nulll""".replace("\n", "|").split("|")

KEYS = r"""y||X|x |\u0078|\u0000|x\u0000|\n|instances|__class__|gr\u00f6\u00dfe|größe|GRÖSSE|\ud800|😀|constructor
%00|x"y""".replace("\n", "|").split("|")

TOPS = [
    '{"instances": %s, "extra": 1}',
    '{"instances": %s, "instances": %s}',
    '{"instances": [], "instances": %s}',
    '{"instances": %s, "instances": null}',
    '{"Instances": %s}',
    '{"\\u0069nstances": %s}',
    '{"instances ": %s}',
    '{"instances": [%s]}',
    '{"instances": {"a": %s}}',
    '{"instances": "%s"}',
    "[%s]",
    "%s",
    ' \r\n\t{"instances":\n%s\t} \n',
    '\x0c{"instances": %s}',
    '{"instances": %s}}',
    '{"instances": %s,}',
    '{"instances": %s} {}',
    '\ufeff{"instances": %s}',
    "{instances: %s}",
    '{"instances" %s}',
]

_DEEP = (3, 40, 500, 1100, 5000, 100_000)


class BodyMaker:
    """Makes bodies from a seed: the same ones each time."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._last = b"{}"

    def make(self) -> bytes:
        """One more body."""
        choice = self._random.random()
        if choice < 0.02:
            return self._random.randbytes(self._random.randrange(200))
        if choice < 0.023:
            return self._make_many()
        body = self._make_text(wrong=choice > 0.25).encode("utf-8", "surrogatepass")
        if choice > 0.75:
            body = self._damage(body)
        self._last = body
        return body

    def _make_text(self, *, wrong: bool) -> str:
        pick = self._random
        count = pick.choice((1, 1, 1, 2, 3, 5, 20))
        at = pick.randrange(count) if wrong else -1
        rows = [self._make_row(wrong=i == at and pick.random() < 0.85) for i in range(count)]
        text = "[" + pick.choice((", ", ",", " ,\n")).join(rows) + "]"
        if wrong and pick.random() < 0.25:
            top = pick.choice(TOPS)
            return top.replace("%s", text)
        return f'{{"instances": {text}}}'

    def _make_row(self, *, wrong: bool) -> str:
        pick = self._random
        if wrong and pick.random() < 0.08:
            return pick.choice(
                ["1", "null", "[]", '"{"', "true", "{", "}", "", '{"x" 1}', "{,}", '{"x": 1,}', "[" * 50]
            )
        pairs = [(name, self._make_value(name)) for name in NAMES if name == "strict" or pick.random() < 0.8]
        pick.shuffle(pairs)
        if wrong:
            self._spoil(pairs)
        return "{" + ", ".join(f'"{key}": {value}' for key, value in pairs) + "}"

    def _make_value(self, name: str) -> str:
        pick = self._random
        if name != "strict" and pick.random() < 0.1:
            return "null"
        if name == "flag":
            return pick.choice(("true", "false"))
        if name == "place":
            return json.dumps(pick.choice((*PLACES, "Genf")), ensure_ascii=pick.random() < 0.5)
        if name == "size":
            return pick.choice((*map(str, SIZES), "3.0", "4", "9007199254740992"))
        if name in ("n", "code"):
            return pick.choice((str(pick.randrange(8)), f"{pick.randrange(8)}.0", "1e1"))
        return repr(
            pick.choice((pick.gauss(0, 2), pick.randrange(-9, 9), pick.random() * 10 ** pick.randrange(-300, 300)))
        )

    def _spoil(self, pairs: list[tuple[str, str]]) -> None:
        pick = self._random
        i = pick.randrange(len(pairs))
        key, value = pairs[i]
        kind = pick.randrange(6)
        if kind <= 2:
            pairs[i] = key, pick.choice(VALUES)
        elif kind == 3:  # what is unknown, or known under another spelling, may come first, last or instead
            pairs.insert(pick.randrange(len(pairs) + 1), (pick.choice(KEYS), value))
        elif kind == 4:
            pairs.insert(pick.randrange(len(pairs) + 1), (key, pick.choice((value, pick.choice(VALUES)))))
        elif pick.random() < 0.5:
            del pairs[i]
        else:
            depth = pick.choice(_DEEP)
            opened = pick.choice(("[", '{"x":'))
            pairs[i] = key, opened * depth + "1" + ("]" if opened == "[" else "}") * pick.choice((depth, 0))

    def _damage(self, body: bytes) -> bytes:
        pick = self._random
        at, to = sorted((pick.randrange(len(body) + 1), pick.randrange(len(body) + 1)))
        some = bytes(pick.choices(b'{}[]",:\\0e-.\x00\xff\xed\xa0\x80\xc0 \n', k=pick.randrange(1, 4)))
        ways: Sequence[bytes] = (
            body[:at],
            body[at:],
            body[:at] + some + body[at:],
            body[:at] + some + body[to:],
            body[:at] + body[to:],
            body[:to] + body[at:],
            body[:at] + self._last[: to - at] + body[to:],
            body[:at] + self._last[at:],
            body + body,
            body.decode(errors="replace").encode(pick.choice(("utf-16", "utf-32-le", "latin-1")), "replace"),
        )
        return pick.choice(ways)

    def _make_many(self) -> bytes:
        pick = self._random
        count = pick.choice((17, 400, MOST_ROWS, MOST_ROWS + 1))
        row = pick.choice(('{"strict": 1}', "{}", "1", self._make_row(wrong=False)))
        rows = ",".join([row] * count)
        return f'{{"instances": [{rows}]}}'.encode()
