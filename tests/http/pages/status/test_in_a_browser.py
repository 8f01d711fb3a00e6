"""The status page in a real Chromium: what a person can see of it, reach and read, and what it must not let happen."""

import asyncio
import json

import pytest

from scoreline.config.tokens import Access, Token
from scoreline.http.pages.status.rendering import render
from tests.http.pages.pictures import make_hostile_picture, make_picture, make_rich_picture
from tests.http.pages.stages import serve_picture

pytestmark = pytest.mark.slow

HEADLINE = "document.getElementById('headline').textContent"
UPDATED = "document.getElementById('state').textContent.startsWith('as of')"
WATCH_TIMERS = """{
  window.waiting = new Set();
  const [set, clear] = [window.setTimeout, window.clearTimeout];
  window.setTimeout = (work, ms) => {
    const timer = set(() => { waiting.delete(timer); work(); }, ms);
    if (ms === 2000) waiting.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => { waiting.delete(timer); clear(timer); };
}"""
HURRY = """{
  const set = window.setTimeout;
  window.setTimeout = (work, ms) => set(work, ms === 2000 ? 50 : ms);
}"""
BLOCK_STORAGE = """Object.defineProperty(window, 'sessionStorage', {
  get() { throw new DOMException("blocked", "SecurityError"); },
});"""
TURN = """Object.defineProperty(document, 'hidden', { value: %s, configurable: true });
document.dispatchEvent(new Event('visibilitychange'));"""
TOO_WIDE = """[...document.querySelectorAll('body, body *')].filter(
  (each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.skip, thead')
).map((each) => each.outerHTML.slice(0, 80))"""


async def test_it_follows_what_happens_and_keeps_focus_scroll_and_what_was_opened(browser):
    await browser.before_each_page(HURRY)
    async with serve_picture(make_picture()) as (stage, running):
        await browser.open(f"{running.server.url}/")
        await browser.until(UPDATED)
        assert await browser.evaluate(HEADLINE) == "Nothing is wrong."
        await browser.evaluate("""{
          const opened = document.querySelector("[data-key='axis-7-dest'] details");
          opened.open = true;
          opened.querySelector("summary").focus();
          opened.scrollIntoView();
          window.before = { opened, y: scrollY };
        }""")
        stage.picture = make_rich_picture()  # but for what the store says, which is asked again only after a while
        await browser.until(f"{HEADLINE}.startsWith('Kafka is not ready, and 6 more')")
        kept = await browser.evaluate("""[
          before.opened.isConnected && before.opened.open,
          document.activeElement === before.opened.querySelector("summary"),
          before.opened.querySelector(".state").textContent,
          document.title,
        ]""")
        assert kept == [True, True, "✖ drift", "Kafka is not ready, and 6 more things are wrong. scoreline"]
    assert browser.complaints == []


async def test_what_is_taken_over_is_what_was_answered_whatever_was_there_before(browser):
    pictures = [make_picture(), make_rich_picture(), make_hostile_picture()]
    texts = [render(picture).encode("utf-8", "replace").decode() for picture in pictures]
    async with serve_picture(make_picture()) as (_, running):
        await browser.open(f"{running.server.url}/")
        await browser.until(UPDATED)
        await browser.evaluate("document.getElementById('pause').click()")
        for i in (0, 1, 2, 0, 2, 1, 0):
            told = json.dumps(texts[i])
            same = f"(show({told}), document.getElementById('content').innerHTML === parse({told}).innerHTML)"
            assert await browser.evaluate(same)
    assert browser.complaints == []


async def test_everything_that_can_be_used_is_reached_by_the_keyboard(browser):
    async with serve_picture(make_rich_picture()) as (_, running):
        await browser.open(f"{running.server.url}/")
        await browser.until(UPDATED)
        wanted = await browser.evaluate("""[...document.querySelectorAll('a, button, summary')]
          .filter((each) => each.checkVisibility()).map((each) => each.textContent)""")
        reached = []
        for _ in wanted:
            await browser.press("Tab")
            reached.append(await browser.evaluate("document.activeElement.textContent"))
        assert reached == wanted
        assert "Skip" in reached[0]
        assert len(reached) > 30
        assert await browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await browser.press("Enter")
        assert await browser.evaluate("document.activeElement.parentElement.open") is True
    assert browser.complaints == []


async def test_it_asks_nothing_while_it_is_paused_or_nobody_looks(browser):
    await browser.before_each_page(WATCH_TIMERS)
    async with serve_picture(make_picture()) as (stage, running):
        await browser.open(f"{running.server.url}/")
        await browser.until(f"{UPDATED} && waiting.size === 1")
        await browser.evaluate("document.getElementById('pause').focus()")
        await browser.press("Space")
        await browser.until("document.getElementById('state').textContent.startsWith('paused')")
        assert await browser.evaluate("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
        assert await browser.evaluate("waiting.size") == 0
        await browser.press("Space")
        await browser.until(f"{UPDATED} && waiting.size === 1")
        await browser.evaluate(TURN % "true")
        assert await browser.evaluate("waiting.size") == 0
        stage.picture = make_rich_picture()
        await browser.evaluate(TURN % "false")
        await browser.until(f"{HEADLINE}.startsWith('Kafka is not ready')")


async def test_without_javascript_it_shows_the_same_and_a_way_to_load_it_anew(browser):
    await browser.call("Emulation.setScriptExecutionDisabled", value=True)
    async with serve_picture(make_rich_picture()) as (_, running):
        await browser.open(f"{running.server.url}/")
        assert (await browser.evaluate(HEADLINE)).startswith("Kafka is not ready")
        shown = (
            "[...document.querySelectorAll('header *')].filter((e) => e.checkVisibility()).map((e) => e.textContent)"
        )
        assert await browser.evaluate(shown) == ["scoreline", "", "Load anew", "Load anew"]


async def test_it_says_that_the_service_does_not_answer_and_goes_on_when_it_does(browser):
    await browser.before_each_page(HURRY)
    async with serve_picture(make_picture()) as (_, running):
        await browser.open(f"{running.server.url}/")
        await browser.until(UPDATED)
        await browser.call("Network.enable")
        lost = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await browser.call("Network.emulateNetworkConditions", offline=True, **lost)
        await browser.until(f"{HEADLINE} === 'The service does not answer.'")
        assert "What is below is older" in await browser.evaluate("document.getElementById('state').textContent")
        await browser.call("Network.emulateNetworkConditions", offline=False, **lost)
        await browser.until(f"{HEADLINE} === 'Nothing is wrong.'")


@pytest.mark.parametrize("storage", ["kept", "blocked"])
async def test_it_asks_for_a_token_and_sends_it_nowhere_but_to_the_service(browser, storage):
    await browser.before_each_page(WATCH_TIMERS)
    if storage == "blocked":
        await browser.before_each_page(BLOCK_STORAGE)
    async with serve_picture(make_rich_picture(), tokens=[Token(Access.PREDICT, "predict-me")]) as (_, running):
        await browser.open(f"{running.server.url}/")
        await browser.until("!document.getElementById('door').hidden")
        assert "kafka" not in await browser.evaluate("document.body.innerText")
        await browser.type("a wrong one")
        await browser.press("Enter")
        await browser.until(f"{HEADLINE} === 'The token is not known here.'")
        await browser.type("predict-me")
        await browser.press("Enter")
        await browser.until(f"{HEADLINE}.startsWith('Kafka is not ready')")
        assert await browser.evaluate("[location.search, document.cookie, localStorage.length]") == ["", "", 0]
        await browser.until("waiting.size === 1")
        await browser.evaluate("document.getElementById('forget').click()")
        assert "kafka" not in await browser.evaluate("document.body.innerText")
        assert await browser.evaluate("store.get()") is None
    assert all(each.startswith("network:") and "401" in each for each in browser.complaints)


async def test_names_that_mean_harm_are_only_text(browser):
    async with serve_picture(make_hostile_picture()) as (_, running):
        await browser.open(f"{running.server.url}/")
        await browser.until(UPDATED)
        found = await browser.evaluate("[document.scripts.length, document.styleSheets.length, document.images.length]")
        assert found == [1, 1, 0]
        assert await browser.evaluate("document.body.innerText.includes('<script>alert(1)</script>')")
        await browser.resize(360, 740)
        assert await browser.evaluate(TOO_WIDE) == []
    assert browser.complaints == []


async def test_it_fits_the_screen_and_the_time_of_day(browser, tmp_path_factory, record_property):
    folder = tmp_path_factory.mktemp("screenshots")
    async with serve_picture(make_rich_picture()) as (_, running):
        await browser.open(f"{running.server.url}/")
        await browser.until(UPDATED)
        await browser.evaluate("document.querySelector('.axes details').open = true")
        for name, width, dark in (("desktop", 1280, False), ("phone", 360, True)):
            await browser.resize(width, 740, dark=dark)
            assert await browser.evaluate(TOO_WIDE) == []
            assert await browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
            back = await browser.evaluate("getComputedStyle(document.body).backgroundColor")
            assert back == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")
            picture = await browser.photograph()
            assert len(picture) > 20_000
            path = folder / f"status-{name}.png"
            await asyncio.to_thread(path.write_bytes, picture)
            record_property("screenshot", str(path))
    assert browser.complaints == []
