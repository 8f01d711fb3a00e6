"""The page /docs in a real Chromium: it shows the document, and asks what it tells of."""

import pytest

from scoreline.config.tokens import Access, Token
from tests.http.sidecars import serve

pytestmark = pytest.mark.slow

STATE = "document.getElementById('state').textContent"


async def test_it_takes_a_token_shows_the_routes_and_asks_one(browser):
    async with serve(tokens=[Token(Access.PREDICT, "predict-me")]) as running:
        await browser.open(f"{running.server.url}/docs")
        await browser.until(f"{STATE} === 'This service asks for a token.'")
        await browser.type("predict-me")
        await browser.press("Enter")
        await browser.until(
            "[...document.querySelectorAll('summary')].some((each) => each.textContent.includes('/predict'))"
        )
        await browser.evaluate("""{
          window.opened = [...document.querySelectorAll('details')].find(
            (each) => each.querySelector('summary').textContent.startsWith('post /predict'));
          opened.querySelector('summary').focus();
        }""")
        await browser.press("Enter")
        await browser.until("opened.querySelector('textarea').value.includes('instances')")
        await browser.evaluate("""{
          const body = opened.querySelector('textarea');
          body.value = '{"instances": [{"a": 1, "b": 2}]}';
          opened.querySelector('form').requestSubmit();
        }""")
        await browser.until("opened.querySelector('[role=status]').textContent.includes('\"predictions\"')")
        assert "200 OK" in await browser.evaluate("opened.querySelector('[role=status]').textContent")
    assert all(each.startswith("network:") and "401" in each for each in browser.complaints)


async def test_its_policy_lets_nothing_else_run(browser):
    async with serve() as running:
        await browser.open(f"{running.server.url}/docs")
        await browser.until("document.querySelectorAll('summary').length > 5")
        refused = await browser.evaluate("""(() => {
          const script = document.createElement('script');
          script.append('window.ran = true');
          try { document.body.append(script); } catch { return true; }
          return window.ran === undefined;
        })()""")
        assert refused
        assert browser.complaints
        assert all("Content Security Policy" in each or "TrustedScript" in each for each in browser.complaints)
