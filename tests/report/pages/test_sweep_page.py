"""The page of a sweep: what it tells, and that nothing in a folder can put anything into it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dlrun.report.pages import sweep_page as module
from dlrun.report.pages.sweep_page import sweep_page
from dlrun.report.plots.figures import draw_sweep
from dlrun.runs.sweeps.saved.commands import Asked
from dlrun.runs.sweeps.saved.shared import Shared, read_shared
from dlrun.runs.sweeps.saved.sweep import read_sweep
from tests.sweep_folders import RESULT, row, write_sweep

EVIL = (
    "</script><script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "' onmouseover='alert(3)",
    "\x1b[31mred\x00\u202e", "<svg onload=alert(4)>", "</style><style>*{display:none}", "]]>--><!--", "\ud800",
)  # fmt: skip


def report(folder: Path, *, asked: Asked | None = None, title: str = "Sweep") -> str:
    sweep = read_sweep(folder)
    folders = [point.folder for point in sweep.points if point.folder is not None]
    shared = read_shared(folders, swept=["lr", "seed"])
    return sweep_page(sweep, draw_sweep(sweep), shared, asked or Asked(), title=title)


class Reader(HTMLParser):
    """Collects the elements and attributes of a page, and its text outside of style sheet and script."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._raw = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._raw = tag if tag in ("style", "script") else ""

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        self.text += "" if self._raw else f"{data} "


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_page_tells_best_seeds_failures_and_how_to_repeat_it(tmp_path: Path) -> None:
    rows = [
        row(0, "lr=1", "seed=0", accuracy=0.9),
        row(1, "lr=1", "seed=1", accuracy=0.5),
        row(2, "lr=2", "seed=0", accuracy=0.75),
        row(3, "lr=2", "seed=1", accuracy=0.75),
        row(4, "lr=3", "seed=0", accuracy=None),
    ]
    asked = Asked(["dlrun -m lr=1,2,3 seed=0,1"])
    text = " ".join(read(report(write_sweep(tmp_path, rows), asked=asked)).text.split())
    for part in (
        "5 points: 4 completed, 1 diverged.",
        "Compared by val/accuracy of each point's best checkpoint (higher is better).",
        "Best: point 0: lr=1 seed=0, val/accuracy 0.9000.",
        "Best over seeds: lr=2, mean 0.7500, standard deviation 0.0000 (2 seeds).",
        "lr mean val/ accuracy standard deviation seeds 2 0.7500 0.0000 2 1 0.7000 0.2828 2",
        "point status reason lr seed 4 diverged the loss is nan at step 3 3 0",
        "The same in every point, and not the default: dataset iris model mlp model.hidden [64]",
        "fingerprint of the data abc",
        "dlrun -m lr=1,2,3 seed=0,1",
        "dlrun recipe=./0/config.yaml",
        "1 point without a result to compare",
    ):
        assert part in text, part


def test_a_sweep_without_any_result_has_a_page_too(tmp_path: Path) -> None:
    text = read(report(write_sweep(tmp_path, [row(0, "lr=1", accuracy=None)]))).text
    assert "1 point: 1 diverged." in text
    assert "the loss is nan at step 3" in text


def test_rows_beyond_the_limit_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 2)
    text = read(report(write_sweep(tmp_path, [row(n, f"lr={n}", accuracy=n / 10) for n in range(5)]))).text
    assert "3 more rows left out." in text


def test_hostile_names_are_text(tmp_path: Path) -> None:
    rows = []
    for number in range(24):
        evil, other = EVIL[number % 8], EVIL[(number + 3) % 8]
        accuracy = None if number % 6 == 5 else number / 30
        found = row(number, f"model={evil}", f"{other}={number}", "lr=1", accuracy=accuracy, error=evil, device=other)
        found["metrics"][other] = 0.5
        rows.append({**found, "status": evil if accuracy is None else "completed"})
    folder = write_sweep(tmp_path, rows)
    for number, evil in enumerate(EVIL):
        result = {**RESULT, "dataset": {"name": evil, "sizes": {evil: evil}}, "environment": {evil: evil}}
        (folder / str(number) / "result.json").write_text(json.dumps(result))
        (folder / str(number) / "config.yaml").write_text(json.dumps({"model": {"name": EVIL[0], "x": EVIL[1]}}))
        with (folder / str(number) / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps({"step": 99, "epoch": 9, f"val/{evil}": 0.5}) + "\n")
    page = report(folder, asked=Asked([f"dlrun -m {each}" for each in EVIL]), title=EVIL[0])
    reader = read(page)
    assert reader.tags <= {
        "html", "head", "meta", "link", "title", "style", "body", "h1", "h2", "p", "section", "figure", "div", "svg",
        "path", "circle", "rect", "text", "ul", "li", "span", "table", "thead", "tbody", "tr", "th", "td", "wbr", "pre",
        "code", "script",
    }  # fmt: skip
    assert not {name for name in reader.attributes if name.startswith("on") or name in ("style", "src", "id")}
    assert (page.count("<script"), page.count("<style")) == (1, 1)
    assert page.encode().count(b"\x1b") == 0
    assert "</script><script>alert(1)</script>" in reader.text


def test_a_page_of_1000_points_stays_small(tmp_path: Path) -> None:
    keys = ("optimizer.lr", "optimizer.weight_decay", "model.width", "trainer.batch_size", "model.dropout", "model")
    rows = [
        row(number, *(f"{key}={number * (place + 1) % 997 / 7:.4f}" for place, key in enumerate(keys)),
            accuracy=(number * 37 % 1000) / 1000)
        for number in range(1000)
    ]  # fmt: skip
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "sweep.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    write_sweep(tmp_path / "runs", rows[:1], evaluations=100)
    for number in range(1000):
        (folder / str(number)).mkdir()
        (folder / str(number) / "metrics.jsonl").hardlink_to(tmp_path / "runs/0/metrics.jsonl")
    sweep = read_sweep(folder)
    assert 500_000 < len(sweep_page(sweep, draw_sweep(sweep), Shared(), Asked(), title="Sweep").encode()) < 2_000_000
