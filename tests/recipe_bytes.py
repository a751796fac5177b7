"""`python -m tests.recipe_bytes`: train shipped recipes for some steps and print the SHA-256 of what they leave.

A change that must not change any result, such as moving code, is checked by comparing two states of the code:

    python -m tests.recipe_bytes --out before.txt        # in the old checkout
    python -m tests.recipe_bytes --against before.txt    # in the new one; exit code 1 if anything differs

Bytes depend on the processor and on the versions of Python and torch, so both commands must run on one machine. Data
that dlrun does not contain is generated; set DLRUN_MNIST, DLRUN_CIFAR10 or DLRUN_R8 to folders with the real data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dlrun
from dlrun.configuration.recipes.sources.folders import recipe_names
from tests.small_data import data_for

ROWS = 2000  # of generated data
ALWAYS = ("device=cpu", "device.threads=1", "hydra.run.dir=run", "--quiet")


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each file of each recipe; return 1 if a recipe fails or a line differs from --against."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.recipe_bytes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="all shipped recipes unless given")
    parser.add_argument("--steps", type=int, default=20, help="optimizer steps of each recipe (20)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the lines to a file too")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with the lines of an earlier --out")
    options = parser.parse_args(words)
    unknown = sorted(set(options.recipes) - set(recipe_names()))
    if unknown:
        parser.error(f"unknown recipe {', '.join(unknown)}; choose from {', '.join(recipe_names())}")
    if options.against is not None and not options.against.is_file():
        parser.error(f"--against {options.against}: no such file")
    names = options.recipes or recipe_names()
    before = None if options.against is None else read_lines(options.against)
    lines: list[str] = []
    for name in names:
        for line in hashes(name, steps=options.steps):
            print(line, flush=True)
            lines.append(line)
    if options.out is not None:
        options.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    failed = any(line.split()[1] == "FAILED" for line in lines)
    if before is None:
        return 1 if failed else 0
    expected = [line for line in before if line.split()[0] in names]
    differing = [*(f"- {line}" for line in expected if line not in lines)]
    differing += [f"+ {line}" for line in lines if line not in expected]
    for line in differing:
        print(line, file=sys.stderr)
    print(f"{len(expected)} lines before, {len(lines)} now, {len(differing)} differ", file=sys.stderr)
    return 1 if failed or differing else 0


def read_lines(path: Path) -> list[str]:
    """Return the lines of an earlier output."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line]


def hashes(name: str, *, steps: int) -> Iterator[str]:
    """Train a recipe in a new folder and a process of its own; yield a line for each file: recipe, file, SHA-256.

    A run that fails yields one line with FAILED and the last line of its error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        command = [sys.executable, "-m", "dlrun", f"recipe={name}", *_data(name, folder), f"trainer.max_steps={steps}"]
        environment = {**os.environ, "PYTHONPATH": str(Path(dlrun.__file__).parents[1])}
        done = subprocess.run(
            [*command, *ALWAYS], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            yield f"{name} FAILED {done.returncode} {(done.stderr.splitlines() or [''])[-1]}"
            return
        for file, content in contents(folder / "run").items():
            yield f"{name} {file} {hashlib.sha256(content).hexdigest()}"


def _data(name: str, folder: Path) -> tuple[str, ...]:
    """Return the overrides that name a recipe's data: real data if its variable is set, else generated data."""
    for ending, variable in (("mnist", "DLRUN_MNIST"), ("cifar10", "DLRUN_CIFAR10")):
        if ending in name and variable in os.environ:
            return (f"dataset.root={os.environ[variable]}", "dataset.download=false")
    if name.endswith("_r8") and "DLRUN_R8" in os.environ:
        real = os.environ["DLRUN_R8"]
        return (f"dataset.path={real}/train.csv", f"dataset.test={real}/test.csv")
    (folder / "data").mkdir()
    # relative names: a checkpoint contains the name of a test file
    return tuple(word.replace(f"{folder}/", "") for word in data_for(name, folder / "data", rows=ROWS))


def contents(run: Path) -> dict[str, bytes]:
    """Return what must not change of a run, {file: content}: without times, versions and machine."""
    last = run / "checkpoints" / (run / "checkpoints" / "last").read_text(encoding="utf-8").strip()
    files = {path.name: path.read_bytes() for path in sorted(last.glob("*.safetensors"))}
    state = json.loads((last / "state.json").read_text(encoding="utf-8"))
    del state["about"]["environment"]
    state["progress"] = {key: value for key, value in state["progress"].items() if not key.endswith("_seconds")}
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
    metrics = json.loads((run / "result.json").read_text(encoding="utf-8"))["metrics"]
    return {**files, "state.json": _json(state), "metrics.jsonl": _json(rows), "result.json": _json(metrics)}


def _json(values: Any) -> bytes:
    return json.dumps(values, sort_keys=True).encode()


if __name__ == "__main__":
    sys.exit(main())
