"""A browser for the tests of this folder."""

import pytest

from tests.http.pages.browser import open_browser, run_chromium
from tests.tools import require_tool


@pytest.fixture(scope="session")
def chromium(request, tmp_path_factory):
    program = require_tool(request, "chromium")
    with run_chromium(program, tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def browser(chromium):
    async with open_browser(chromium) as browser:
        await browser.resize(1280, 900)
        yield browser
