"""A real Chromium, driven over its DevTools protocol: pages are opened, typed into, measured and photographed."""

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

ANSWER_SECONDS = 10
_WAIT = """new Promise((resolve, reject) => {
  const holds = () => { try { return %s } catch { return false } };
  if (holds()) return resolve(true);
  const seen = new MutationObserver(() => { if (holds()) { seen.disconnect(); resolve(true); } });
  seen.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  setTimeout(() => reject(new Error("waited in vain, the page says: " + document.body.innerText.slice(0, 500))), 8000);
})"""

KEYS = {"Tab": 9, "Enter": 13, "Space": 32}


@contextmanager
def run_chromium(program: str, folder: Path) -> Iterator[str]:
    """The address of a browser that runs until the end, and keeps everything in a folder."""
    command = [
        program,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "about:blank",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if line.startswith("DevTools listening on "):
                    break
            else:
                raise AssertionError(f"chromium has ended: {''.join(said)}")
            yield line.removeprefix("DevTools listening on ").strip()
        finally:
            process.kill()


class Browser:
    """One page in a profile of its own.

    Attributes:
        complaints: what the page has written to its console, thrown, or been refused by its policy.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()
        self.session: str | None = None
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> Any:
        """One command, and its result."""
        number = len(self._answers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        session = {} if self.session is None else {"sessionId": self.session}
        await self._socket.send_json({"id": number, "method": method, "params": params, **session})
        return await asyncio.wait_for(answer, ANSWER_SECONDS)

    async def listen(self) -> None:
        """Take what the browser says, until it hangs up."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                answer = self._answers[told["id"]]
                if "error" in told:
                    answer.set_exception(AssertionError(told["error"]))
                else:
                    answer.set_result(told["result"])
                continue
            params = told["params"]
            if told["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif told["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            elif told["method"] == "Runtime.consoleAPICalled":
                self.complaints.append(str(params["args"]))
            elif told["method"] == "Log.entryAdded":
                self.complaints.append(f"{params['entry']['source']}: {params['entry']['text']}")
            elif told["method"] == "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog: {params['message']}")

    async def open(self, url: str) -> None:
        """Go there, and wait until it has loaded."""
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), ANSWER_SECONDS)

    async def before_each_page(self, script: str) -> None:
        """Run this in every page that is opened, before its own script."""
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, awaited where it is a promise."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait for the page to change so that a condition holds."""
        await self.evaluate(_WAIT % condition)

    async def press(self, key: str) -> None:
        """A key, down and up."""
        code = KEYS[key]
        text = {"Enter": "\r", "Space": " "}.get(key)
        named = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **named, **({"text": text} if text else {}))
        await self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    async def type(self, text: str) -> None:
        """Text where the focus is."""
        await self.call("Input.insertText", text=text)

    async def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """A screen of that size; of a phone where it is narrow."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def photograph(self) -> bytes:
        """The whole page as a PNG."""
        found = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(found["data"])


@asynccontextmanager
async def open_browser(address: str) -> AsyncIterator[Browser]:
    """A page in a profile of its own, empty yet."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        browser = Browser(socket)
        listening = asyncio.create_task(browser.listen())
        try:
            context = (await browser.call("Target.createBrowserContext"))["browserContextId"]
            target = (await browser.call("Target.createTarget", url="about:blank", browserContextId=context))[
                "targetId"
            ]
            attached = await browser.call("Target.attachToTarget", targetId=target, flatten=True)
            browser.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                await browser.call(f"{domain}.enable")
            yield browser
        finally:
            listening.cancel()
