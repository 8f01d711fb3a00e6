"""Every relative link of the documents leads to a file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize(
    "path", re.findall(r"`(tests/[\w/.]*|scoreline/[\w/.]*)`", (ROOT / "docs/architecture.md").read_text())
)
def test_every_path_that_the_architecture_names_is_there(path):
    assert (ROOT / path).exists()
