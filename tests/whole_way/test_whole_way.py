"""The whole way of a model, for every kind of data: train, export, predict outside, serve, explain, report, publish.

What this machine lacks (an extra, a browser) is left out, the rest of the way is gone all the same, and the test ends
as skipped with a list of what it left out.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import browser as browsers
from tests.browser import Browser, Page
from tests.runs.export.conftest import TINY, data
from tests.whole_way.kinds import KINDS, SHOWN, Kind, body, fill_in, predict_words, write_more
from tests.whole_way.outside import Outside, outside
from tests.whole_way.serving import predictions, while_served

__all__ = ["data"]
Dlrun = Callable[..., tuple[int, str, str]]
Row = Mapping[str, Any]

NAMES_OF_A_ROW = ("path", "file", "after", "user", "item")  # columns of `dlrun predict` that a server leaves out
PATIENCE_S = 30.0
CLOSE = {"rel": 1e-4, "abs": 1e-5}
EXTRAS = {"export": ("onnx", "onnxscript", "onnxruntime"), "explain": ("captum",),
          "serve": ("starlette", "uvicorn", "python_multipart")}  # fmt: skip
SEEN = """[...document.querySelectorAll("#result .of")].map(part => ({
    best: part.querySelector(".best")?.innerText,
    bars: [...part.querySelectorAll("li")].map(bar => [...bar.querySelectorAll("span")].map(word => word.innerText)),
    cells: [...part.querySelectorAll("tr")].map(row => [...row.cells].map(cell => cell.innerText)),
}))"""

QUICK = ("images", "numbers", "table", "texts", "ratings", "GAN")
QUICK_AS_ONNX = ("numbers",)


def lacks(extra: str) -> bool:
    """Return whether a package of an extra is not installed."""
    return any(importlib.util.find_spec(name) is None for name in EXTRAS[extra])


@pytest.fixture(scope="module")
def files(data: Path) -> Path:
    """Small files of every kind."""
    write_more(data)
    return data


@pytest.fixture(scope="module")
def program() -> Iterator[Outside]:
    """What runs a program that cannot import dlrun."""
    with outside() as process:
        yield process


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser | None]:
    """A browser, or None where none is installed."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("browser")
        yield None if browsers.BROWSER is None else stack.enter_context(browsers.running_browser(folder / "profile"))


class Way:
    """A run, whose model goes the whole way in the current folder."""

    def __init__(self, name: str, dlrun: Dlrun, files: Path) -> None:
        self.name, self.dlrun, self.files = name, dlrun, files
        self.kind: Kind = KINDS[name]
        self.left_out: list[str] = []

    def done(self, *words: str) -> str:
        """Return what a command that succeeds prints."""
        code, out, err = self.dlrun(*words)
        assert code == 0, err
        return out

    def refused(self, reason: str, *words: str) -> None:
        """Hold a command against the reason with which it must be refused."""
        code, out, err = self.dlrun(*words)
        assert (code, out) == (2, ""), err
        assert reason in err

    def without(self, extra: str, *words: str) -> bool:
        """Return whether an extra is missing; a command that needs it must then say how to install it."""
        if not lacks(extra):
            return False
        self.refused(f'pip install "dlrun[{extra}]"', *words)
        self.left_out.append(f"{words[0]} (needs the extra {extra})")
        return True

    def say_what_was_left_out(self) -> None:
        """End the test as skipped if anything was."""
        if self.left_out:
            pytest.skip(f"left out: {', '.join(dict.fromkeys(self.left_out))}")

    def predicted(self, model: str, *words: str) -> list[Row]:
        """Return what `dlrun predict` says, without what only names the row."""
        found = json.loads(self.done("predict", model, *words))
        return [{name: value for name, value in row.items() if name not in NAMES_OF_A_ROW} for row in found]

    def own(self) -> list[Row]:
        """Return the run's own predictions of the given rows; of a language model, how it goes on."""
        if self.name == "language":
            text = self.done("predict", "run", *predict_words(self.name, self.files))
            return [{"prediction": text.removesuffix("\n")}]
        return self.predicted("run", *predict_words(self.name, self.files))


def parameters(quick: Sequence[str]) -> list[Any]:
    """Return all kinds, of which the others than `quick` are long."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.long) for name in KINDS]


@pytest.mark.parametrize("name", parameters(QUICK))
def test_a_model_goes_the_whole_way(
    name: str, dlrun: Dlrun, files: Path, program: Outside, browser: Browser | None, own_folder: Path
) -> None:
    way = Way(name, dlrun, files)
    way.done(*way.kind.words.format(data=files).split(), *TINY, "hydra.run.dir=run")
    if browser is None:
        way.left_out.append(f"pages ({browsers.NO_BROWSER})")
    used_outside(way, "model.pt2", program, own_folder)
    serve_run(way, browser)
    serve_file(way, "model.pt2")
    explain(way)
    report(way, browser)
    publish(way)
    way.say_what_was_left_out()


@pytest.mark.parametrize("name", parameters(QUICK_AS_ONNX))
def test_an_onnx_file_is_used_outside_and_served(
    name: str, dlrun: Dlrun, files: Path, program: Outside, own_folder: Path
) -> None:
    way = Way(name, dlrun, files)
    way.done(*way.kind.words.format(data=files).split(), *TINY, "hydra.run.dir=run")
    if not way.without("export", "export", "run", "-o", "model.onnx"):
        used_outside(way, "model.onnx", program, own_folder)
        serve_file(way, "model.onnx")
    way.say_what_was_left_out()


def used_outside(way: Way, file: str, program: Outside, folder: Path) -> None:
    """Export the run, and hold what the printed program prints against what `dlrun predict` says of the same row."""
    (folder / "use.py").write_text(way.done("export", "run", "-o", file, "--example", "-q"))
    about = json.loads(Path(f"{file}.json").read_text())
    row = None if about["example"] is None else about["example"]["row"]
    words: list[str] = []
    given = way.files / way.kind.given
    if row is not None:
        Path("example.jsonl").write_text(json.dumps(row) + "\n")
    elif way.name == "arrays":
        np.save("example.npy", np.zeros((1, 5, 3), np.float32))
    elif way.name != "GAN":
        words = [str(sorted(given.iterdir())[0] if given.is_dir() else given)]
    printed = program.run(folder, "use.py", *words)
    if way.name == "GAN":
        low, high = map(float, printed.removeprefix("images (1, 1, 8, 8) ").split())
        assert 0 <= low < high <= 16  # as in the data
    elif way.name == "language":
        text = next(iter(row.values()))
        assert printed == way.done("predict", "run", "--prompt", text, "--length", "20", "--temperature", "0")
    else:
        source = words[0] if words else "example.npy" if way.name == "arrays" else "example.jsonl"
        flags = ["--probabilities"] if way.kind.classes else []
        (wanted,) = way.predicted("run", source, "--json", *flags)
        check_printed(about["outputs"], printed, wanted)


def check_printed(outputs: list[Mapping[str, Any]], printed: str, wanted: Row) -> None:
    """Hold the lines of a program against a row of `dlrun predict`."""
    found = {name: ast.literal_eval(values) for name, values in (line.split(" ", 1) for line in printed.splitlines())}
    assert list(found) == [output["name"] for output in outputs]
    for output in outputs:
        target = output.get("target")
        (values,) = found[output["name"]]
        if output["role"] == "class":
            assert values == wanted[target or "prediction"]
        elif output["role"] == "probabilities":
            names = [f"probability_{f'{target}_' if target else ''}{each}" for each in output["classes"]]
            assert values == pytest.approx([wanted[each] for each in names], **CLOSE)
        else:
            assert values == pytest.approx([wanted[each] for each in output["names"]], **CLOSE)


def serve_run(way: Way, browser: Browser | None) -> None:
    """Ask a server of the run, and fill in its page."""
    if way.without("serve", "serve", "run"):
        return
    if way.kind.unserved is not None:
        refused_to_serve(way, way.kind.unserved, "run")
        return
    own = way.own()

    def ask(address: str) -> None:
        check_served(predictions(address, body(way.name, way.files)), own)
        if browser is not None:
            with browser.opened(address) as page:
                use_page(page, way, own[min(SHOWN, len(own) - 1)])

    while_served(way.dlrun, "run", ask)


def serve_file(way: Way, file: str) -> None:
    """Ask a server of an exported file."""
    if way.without("serve", "serve", file):
        return
    if way.kind.unserved is not None:
        refused_to_serve(way, way.kind.unserved, file)
        return
    own = way.own()
    while_served(way.dlrun, file, lambda address: check_served(predictions(address, body(way.name, way.files)), own))


def refused_to_serve(way: Way, reason: str, model: str) -> None:
    """Hold `dlrun serve` against the reason with which it must be refused; one that begins all the same is ended."""
    end = threading.Timer(PATIENCE_S, os.kill, (os.getpid(), signal.SIGINT))
    end.start()
    try:
        way.refused(reason, "serve", model, "--port", "0")
    finally:
        end.cancel()


def check_served(found: list[Row], own: list[Row]) -> None:
    """Hold what a server predicts against what the run does."""
    assert len(found) == len(own)
    for one, other in zip(found, own, strict=True):
        assert list(one) == list(other)
        for name, value in other.items():
            assert one[name] == (pytest.approx(value, **CLOSE) if isinstance(value, float) else value)


def use_page(page: Page, way: Way, wanted: Row) -> None:
    """Fill in a server's page, ask for the prediction, and hold what is seen against the run's own."""
    page.wait_until('document.querySelector("button.main")')
    fill_in(page, way.name, way.files)
    page.evaluate('document.querySelector("#result").replaceChildren()')
    page.click("button.main")
    page.wait_until('document.querySelector("#result").innerText')
    if way.name == "language":
        assert page.evaluate('document.querySelector("#result blockquote").innerText') == wanted["prediction"]
    else:
        check_seen(page.evaluate(SEEN), wanted)
    assert page.console == []


def check_seen(parts: list[Mapping[str, Any]], wanted: Row) -> None:
    """Hold the parts of a result, each of a target or of all numbers, against a row of `dlrun predict`."""
    seen: dict[str, Any] = {}
    names = [name for name in wanted if not name.startswith("probability_")]
    for name, part in zip(names, parts, strict=len(parts) > 1):
        if part["cells"]:
            seen |= {re.sub(r", (\d+) steps? ahead$", r"+\1", each): float(value) for each, value in part["cells"]}
        elif part["bars"]:
            of = "" if name == "prediction" else f"{name}_"
            seen |= {name: part["best"]}
            seen |= {f"probability_{of}{each}": float(share.removesuffix(" %")) / 100 for each, share in part["bars"]}
        else:
            seen |= {name: float(part["best"])}
    assert sorted(seen) == sorted(wanted)
    for name, value in wanted.items():
        close = {"abs": 0.00051} if name.startswith("probability_") else {"rel": 1e-4}
        assert seen[name] == (pytest.approx(value, **close) if isinstance(value, float) else value)


def explain(way: Way) -> None:
    """Explain the first row in numbers, whose parts must add up, and in a picture."""
    words = ("explain", "run", str(way.files / (way.kind.given or "table.csv")), "--row", "1")
    if way.kind.unexplained is not None and not lacks("explain"):
        way.refused(way.kind.unexplained, *words)
        return
    if way.without("explain", *words):
        return
    (found,) = json.loads(way.done(*words, "--json", "-q"))
    for parts in found["parts"].values():
        assert sum(part["amount"] for part in parts) == pytest.approx(
            found["value"] - found["baseline"] - found["missing"], **CLOSE
        )
    assert way.done(*words, "-q", "-o", "why.png") == "why.png\n"
    with Image.open("why.png") as picture:
        assert min(picture.size) >= 100


def report(way: Way, browser: Browser | None) -> None:
    """Write the page of the run, and open it."""
    code, out, err = way.dlrun("report", "run", "-o", "page.html")
    assert (code, out, err) == (0, "page.html\n", "")
    if browser is None:
        return
    with browser.opened(Path("page.html").resolve().as_uri()) as page:
        assert page.evaluate("document.documentElement.className") == "script"
        assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).length") == 0
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.evaluate('document.querySelector("h1").innerText') == "Run run"
        assert page.console == []


def publish(way: Way) -> None:
    """Publish the run, delete it, and predict from what was published."""
    words = predict_words(way.name, way.files)
    own = way.dlrun("predict", "run", *words)
    assert way.done("publish", "run", "--to", "published", "-q") == "published\n"
    shutil.rmtree("run")
    if way.name == "GAN":
        way.refused("This model generates samples and predicts nothing", "predict", "published", *words)
        with Image.open("published/samples.png") as picture:
            assert min(picture.size) >= 8
    else:
        assert way.dlrun("predict", "published", *words) == own
