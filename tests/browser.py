"""Drives a page in a real headless Chromium: clicks, keys, what it shows, what is on its console, what it fetches.

The browser is the system's (`apt-get install chromium`); it speaks the DevTools protocol over a pipe
(`--remote-debugging-pipe`), so that no port is opened and no package is needed.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "needs Chromium: apt-get install chromium"
TIMEOUT_S = 60.0
"""Far more than any step takes: a busy machine must not fail a test."""
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    # in software, as WebGL has no card here
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--force-prefers-reduced-motion"),
)
_FIRST_OWN_DESCRIPTOR = 10
_KEYS = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}


_MISPLACED = """(() => {
  const box = (one) => one.getBoundingClientRect(), found = [];
  const shown = (one) => box(one).width > 1 && box(one).height > 1 && getComputedStyle(one).visibility !== "hidden";
  const name = (one) => `${one.tagName}#${one.id}.${one.className}: ${one.textContent.trim().slice(0, 30)}`;
  const clips = (one) => getComputedStyle(one).overflowX !== "visible";
  const scrolls = (one) => one.closest("main") && (clips(one) || scrolls(one.parentElement));
  const flows = (one) => !["absolute", "fixed", "sticky"].includes(getComputedStyle(one).position);
  for (const holder of document.querySelectorAll("main, main section, main header")) {
    const blocks = [...holder.children].filter((one) => shown(one) && flows(one));
    blocks.slice(1).forEach((one, at) => {
      const [a, b] = [box(blocks[at]), box(one)];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 2) found.push(`${name(blocks[at])} lies on ${name(one)}`);
    });
  }
  for (const one of document.querySelectorAll("main :is(h1, h2, h3, p, table, figure, svg, canvas, button, select)")) {
    const out = box(one).left < -1 || box(one).right > innerWidth + 1;
    if (shown(one) && out && !scrolls(one.parentElement)) found.push(`${name(one)} sticks out`);
  }
  return found;
})()"""


_UNREADABLE = """(() => {
  const text = (id) => document.getElementById(id)?.textContent.trim();
  const named = (one) => one.getAttribute("aria-label")
    || (one.getAttribute("aria-labelledby") || "").split(" ").some(text)
    || [...(one.labels || [])].some((label) => label.textContent.trim())
    || (/^(A|BUTTON|SUMMARY)$/.test(one.tagName) && one.textContent.trim());
  const all = (selector) => [...document.querySelectorAll(selector)];
  const controls = all("a[href], button, select, input, textarea, summary, [tabindex], [role=img]");
  const name = (one) => one.outerHTML.slice(0, 90);
  return [
    ...controls.filter((one) => one.type !== "hidden" && !named(one)).map((one) => `no name: ${name(one)}`),
    ...controls.filter((one) => one.tabIndex > 0).map((one) => `out of order: ${name(one)}`),
    ...[...document.images].filter((one) => !one.hasAttribute("alt")).map((one) => `no alt: ${name(one)}`),
    ...all("table").filter((one) => !one.caption && !one.closest("[aria-label]"))
      .map((one) => `no caption: ${name(one)}`),
    ...(document.documentElement.lang ? [] : ["no language"]),
    ...(document.querySelectorAll("h1").length === 1 ? [] : ["not one h1"]),
  ];
})()"""


class Browser:
    """A running Chromium.

    Args:
        folder: Holds its profile and what pages download.
    """

    def __init__(self, folder: Path) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        (reads, self._writes), (self._reads, writes) = _pipe(), _pipe()
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        ends = [(os.POSIX_SPAWN_DUP2, reads, 3), (os.POSIX_SPAWN_DUP2, writes, 4)]
        command = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        self.process = os.posix_spawn(command[0], command, os.environ, file_actions=[*nowhere, *ends])
        os.close(reads)
        os.close(writes)
        self._buffer = b""
        self._last = 0
        self.events: dict[str, list[dict[str, Any]]] = {}

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self.call("Browser.close")
        os.kill(self.process, signal.SIGKILL)  # a zombie at worst: it is not waited for yet
        os.waitpid(self.process, 0)
        os.close(self._reads)
        os.close(self._writes)

    def call(self, method: str, session: str | None = None, /, **values: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result; what happens meanwhile is kept in `events`.

        Raises:
            RuntimeError: If the browser refuses, or does not answer.
        """
        self._last += 1
        message = {"id": self._last, "method": method, "params": values} | ({"sessionId": session} if session else {})
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.setdefault(answer.get("sessionId", ""), []).append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reads], [], [], TIMEOUT_S)
            read = os.read(self._reads, 1 << 20) if ready else b""
            if not read:
                raise OSError("the browser does not answer")
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


class Tab:
    """A page that is open."""

    def __init__(self, browser: Browser, width_px: int, height_px: int, dark: bool) -> None:
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self._call(f"{domain}.enable")
        size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(browser.downloads))

    def close(self) -> None:
        """Close the page."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def goto(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self._browser.events.pop(self._session, None)
        self._call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def read(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + TIMEOUT_S
        while not self.read(expression):
            assert time.monotonic() < end, f"{expression} did not become true"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """Return the text of an element as it is shown."""
        return self.read(f"document.querySelector({json.dumps(selector)}).innerText")

    def click(self, selector: str, at: tuple[float, float] = (0.5, 0.5), modifiers: int = 0) -> None:
        """Click an element with the mouse, at a share of its width and height; it must be what lies there."""
        x, y = self._place(selector, at)
        lies_there = f"document.querySelector({json.dumps(selector)}).contains(document.elementFromPoint({x}, {y}))"
        assert self.read(lies_there), f"{selector} is covered or out of sight"
        self.mouse("mousePressed", x, y, modifiers)
        self.mouse("mouseReleased", x, y, modifiers)

    def drag(self, selector: str, *places: tuple[float, float], modifiers: int = 0) -> None:
        """Press the mouse at the first place of an element, move it over the others, and release it."""
        points = [self._place(selector, place) for place in places]
        self.mouse("mousePressed", *points[0], modifiers)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, modifiers)
        self.mouse("mouseReleased", *points[-1], modifiers)

    def mouse(self, kind: str, x: float, y: float, modifiers: int = 0) -> None:
        """Send an event of the left button."""
        values = {"type": kind, "x": x, "y": y, "button": "left", "modifiers": modifiers}
        self._call("Input.dispatchMouseEvent", **values, buttons=int(kind != "mouseReleased"), clickCount=1)

    def wheel(self, selector: str, pixels: float) -> None:
        """Turn the wheel over the middle of an element; negative: away from the hand."""
        x, y = self._place(selector, (0.5, 0.5))
        self._call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=pixels)

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key: a character, or a name such as `ArrowLeft`; modifiers: 1 Alt, 2 Control, 8 Shift."""
        number = _KEYS.get(key, ord(key.upper()[0]))
        values: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        written = {"text": key} if len(key) == 1 and not modifiers & 3 else {"text": "\r"} if key == "Enter" else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", **values, **written)
        self._call("Input.dispatchKeyEvent", type="keyUp", **values)

    def choose(self, selector: str, value: str | float) -> None:
        """Set the value of a field, as a user does, and tell the page."""
        field = f"const field = document.querySelector({json.dumps(selector)}); field.value = {json.dumps(value)};"
        told = "for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}));"
        self.read(f"(() => {{ {field} {told} return field.value; }})()")

    def downloaded(self, name: str) -> str:
        """Wait for a file that the page offers, and return its text."""
        path = self._browser.downloads / name
        end = time.monotonic() + TIMEOUT_S
        while not path.is_file():
            assert time.monotonic() < end, f"{name} was not downloaded"
            self.read("0")
            time.sleep(0.02)
        text = path.read_text()
        path.unlink()
        return text

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write what is in view, or the whole page, as a PNG."""
        shot = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    @property
    def console(self) -> list[str]:
        """List what the page wrote on the console, its uncaught errors, and what its policy forbade."""
        self.read("0")  # what happened is read with the next answer
        names = {
            "Runtime.consoleAPICalled": "args",
            "Runtime.exceptionThrown": "exceptionDetails",
            "Log.entryAdded": "entry",
        }
        found = [(event, names.get(event["method"])) for event in self._browser.events.get(self._session, [])]
        return [json.dumps(event["params"][name]) for event, name in found if name]

    @property
    def fetched(self) -> list[str]:
        """List the addresses that the page took from anywhere; not the parts embedded in it."""
        self.read("0")
        events = self._browser.events.get(self._session, [])
        sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [address for address in sent if not address.startswith(("data:", "blob:"))]

    @property
    def overflow_px(self) -> int:
        """Return by how much the page is wider than the window."""
        return self.read("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    @property
    def misplaced(self) -> list[str]:
        """List blocks of the page that lie on each other, and what sticks out of the window and cannot be scrolled to.

        Boxes are compared with each other, not with pictures of an earlier version: fonts differ between machines.
        """
        return self.read(_MISPLACED)

    @property
    def unreadable(self) -> list[str]:
        """List what a screen reader or the keyboard misses: names of controls, their order, texts for pictures."""
        return self.read(_UNREADABLE)

    def _place(self, selector: str, at: tuple[float, float]) -> tuple[float, float]:
        box = self.read(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            "found.scrollIntoView({block: 'center'}); const box = found.getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height]; })()"
        )
        return box[0] + at[0] * box[2], box[1] + at[1] * box[3]

    def _call(self, method: str, /, **values: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **values)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all tests of a process; skips where none is installed."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    running = Browser(tmp_path_factory.mktemp("browser"))
    yield running
    running.close()


@contextmanager
def opened(
    browser: Browser, page: Path | str, width_px: int = 1280, height_px: int = 900, dark: bool = False
) -> Iterator[Tab]:
    """Open a file or an address in a tab of its own."""
    tab = Tab(browser, width_px, height_px, dark)
    try:
        tab.goto(page.as_uri() if isinstance(page, Path) else page)
        yield tab
    finally:
        tab.close()


def assert_quiet(tab: Tab, page: Path) -> None:
    """Make sure that a static page wrote nothing on the console, fetched nothing, and lies well in the window."""
    assert tab.console == []
    assert tab.fetched == [page.as_uri()]
    assert tab.overflow_px == 0
    assert tab.misplaced == []
    assert tab.unreadable == []


def _pipe() -> tuple[int, int]:
    """Return both ends of a pipe, not inherited, and with other numbers than those the browser expects its own at."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FIRST_OWN_DESCRIPTOR) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
