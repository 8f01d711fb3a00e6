"""THREAT_MODEL.md names, for each threat, tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "THREAT_MODEL.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "tests/" in line]


@pytest.mark.parametrize(("path", "name"), NAMED, ids="::".join)
def test_every_test_that_is_named_is_there(path, name):
    assert (ROOT / path).exists()
    if name:
        assert re.search(rf"^\s*(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_threat_is_met_by_something_that_a_test_shows():
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    tables = [section for section in sections if "| shown by |" in section]
    rows = [line for table in tables for line in table.splitlines()[4:] if line.startswith("| ")]
    threats = [line for line in rows if not line.startswith(("| threat", "| ---"))]
    assert len(threats) > 25
    assert threats == ROWS


def test_the_documents_lead_here():
    assert "](THREAT_MODEL.md)" in (ROOT / "README.md").read_text()
