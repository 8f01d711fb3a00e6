"""docs/model-formats.md quotes files as they are, and names what there is."""

import re
from pathlib import Path

import pytest

from scoreline.models.formats import ModelFormat
from scoreline.models.formats.known import GROUP
from scoreline.models.live import PROBE_LIMIT_SECONDS
from scoreline.models.verification import TIME_LIMIT_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "model-formats.md").read_text()
QUOTES = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("file", "quoted"), QUOTES, ids=[file for file, _ in QUOTES])
def test_a_quote_is_what_the_file_says(file, quoted):
    assert quoted in (ROOT / file).read_text()


def test_every_quote_was_looked_at():
    assert len(QUOTES) == PAGE.count("<!-- ") == 4
    assert f'entry-points."{GROUP}"' in QUOTES[0][1]


def test_every_member_of_a_format_is_on_the_page():
    table = PAGE.split("| member | |")[1].split("\n\n")[0]
    named = re.findall(r"^\| `(\w+)", table, re.MULTILINE)
    assert named == [member for member in vars(ModelFormat) if not member.startswith("_")]


def test_time_limits_on_the_page_are_those_of_the_code():
    words = " ".join(PAGE.split())
    assert f"{TIME_LIMIT_SECONDS:.0f} s at a start" in words
    assert f"{PROBE_LIMIT_SECONDS:.0f} s for a version" in words
