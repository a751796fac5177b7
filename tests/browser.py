"""A browser without a window, driven through its DevTools protocol: it opens pages, types, chooses files and draws."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((path for path in map(shutil.which, NAMES) if path is not None), None)
NO_BROWSER = f"no browser is installed ({', '.join(NAMES)})"
_PATIENCE_S = 30.0
_FIRST_FREE = 10  # the browser has its ends of the two pipes as 3 and 4
_TOLD = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Security.securityStateChanged")


class Browser:
    """A running browser. One thread at a time uses it."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, back: int) -> None:
        self._process, self._to, self._back = process, to, back
        self._numbers = itertools.count(1)
        self._unread = b""
        self.told: dict[str, list[str]] = {}

    def send(self, method: str, *, session: str | None = None, **values: Any) -> dict[str, Any]:
        """Return what the browser answers to a command. session: of a page."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": values, **({"sessionId": session} if session else {})}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            found = self._receive()
            if found.get("id") == number:
                assert "error" not in found, f"{method}: {found['error']}"
                return dict(found["result"])
            if found.get("method") in _TOLD:
                self.told.setdefault(found["sessionId"], []).append(json.dumps(found["params"]))

    def _receive(self) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._back], [], [], max(0.0, until - time.monotonic()))
            content = os.read(self._back, 1 << 20) if ready else b""
            assert content, f"the browser is silent for {_PATIENCE_S} s, or has ended ({self._process.poll()})"
            self._unread += content
        message, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(message))

    @contextlib.contextmanager
    def opened(self, address: str) -> Iterator[Page]:
        """A new page with an address, whose console is watched from its first line."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page", "DOM"):
            self.send(f"{domain}.enable", session=session)
        self.send("Page.navigate", session=session, url=address)
        page = Page(self, session)
        try:
            page.wait_until('document.readyState === "complete"')
            yield page
        finally:
            self.send("Target.closeTarget", targetId=target)


class Page:
    """A page of a browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    @property
    def console(self) -> list[str]:
        """What the page's console has: lines of scripts, errors, and what the browser refused."""
        self.evaluate("0")  # reads what was told until now
        return self._browser.told.get(self._session, [])

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression of JavaScript."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_until(self, script: str) -> None:
        """Wait until an expression is true; raises AssertionError if it never is."""
        until = time.monotonic() + _PATIENCE_S
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < until, f"never true: {script}\n{self.console}\n{self.text()}"
            time.sleep(0.02)

    def text(self) -> str:
        """Return the text that is seen."""
        return str(self.evaluate("document.body.innerText"))

    def type(self, selector: str, text: str) -> None:
        """Type a text into a field, in place of what is in it."""
        self.evaluate(f"(field => {{ field.focus(); field.select(); }})({_one(selector)})")
        if text:
            self.send("Input.insertText", text=text)
        else:
            for kind in ("rawKeyDown", "keyUp"):
                self.send("Input.dispatchKeyEvent", type=kind, key="Delete", windowsVirtualKeyCode=46)

    def choose(self, selector: str, value: str) -> None:
        """Choose a value of a list."""
        change = 'field.dispatchEvent(new Event("change", { bubbles: true }))'
        script = f"(field => {{ field.value = {json.dumps(value)}; {change}; return field.value; }})({_one(selector)})"
        assert self.evaluate(script) == value, f"{selector} has no {value!r}"

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in a field for files."""
        found = self.send("Runtime.evaluate", expression=_one(selector))["result"]
        self.send("DOM.setFileInputFiles", files=[str(path)], objectId=found["objectId"])

    def click(self, selector: str) -> None:
        """Click an element."""
        self.evaluate(f"{_one(selector)}.click()")

    def draw(self, selector: str, points: list[tuple[float, float]]) -> None:
        """Draw a line with the mouse. points: as parts of the element's width and height."""
        script = f"(b => [b.x, b.y, b.width, b.height])({_one(selector)}.getBoundingClientRect())"
        x, y, width, height = self.evaluate(script)
        kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        for kind, (right, down) in zip(kinds, [*points, points[-1]], strict=True):
            place = {"x": x + width * right, "y": y + height * down}
            self.send("Input.dispatchMouseEvent", type=kind, button="left", buttons=1, clickCount=1, **place)

    def send(self, method: str, **values: Any) -> dict[str, Any]:
        """Return what the browser answers to a command for this page."""
        return self._browser.send(method, session=self._session, **values)


def _one(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


@contextlib.contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """A browser with its profile in a new folder, ended at the end."""
    words = [str(BROWSER), "--headless", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
    if os.geteuid() == 0:
        words.insert(1, "--no-sandbox")  # which root cannot have
    ends = [end for _ in range(2) for end in os.pipe()]
    theirs_in, to, back, theirs_out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE) for end in ends)
    for end in ends:
        os.close(end)
    shell = ["sh", "-c", f'exec "$0" "$@" 3</dev/fd/{theirs_in} 4>/dev/fd/{theirs_out}', *words]
    process = subprocess.Popen(shell, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(process, to, back)
    finally:
        os.close(to)  # which ends it
        os.close(back)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
