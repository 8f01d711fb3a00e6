"""A browser for the tests of this folder."""

import pytest

from tests.http.pages.browser import find_chromium, open_browser, run_chromium


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip("no such program: chromium (Debian and Ubuntu: apt-get install chromium)")
    with run_chromium(program, tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def browser(chromium):
    async with open_browser(chromium) as browser:
        await browser.resize(1280, 900)
        yield browser
