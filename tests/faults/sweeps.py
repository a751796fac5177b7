"""Kill sweeps with SIGKILL, the sweep itself or one of its processes; each must end with the rows and bytes of one that
was not killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.kills import Tally, differing, files_of
from tests.processes import started_with, wait_until_none

WORDS = (
    "dataset=iris", "model=mlp", "model.hidden=[8]", "model.dropout=0.3", "trainer.epochs=8", "trainer.batch_size=8",
    "trainer.log_every=1", "checkpoint.every_steps=5", "device=cpu", "device.threads=1", "launch.jobs=2",
    "optimizer.lr=1e-2,1e-3", "seed=0,1,2",
)  # fmt: skip
_MOST_STARTS = 40  # of one sweep; more means that it makes no progress


@dataclass(frozen=True)
class WholeSweep:
    """A sweep that was never killed: its rows, the files of its points, and its time."""

    rows: list[dict[str, Any]]
    files: Mapping[str, Mapping[str, bytes]]
    seconds: float


def start(folder: Path, *, goes_on: bool) -> subprocess.Popen[bytes]:
    """Start a sweep as a user does; goes_on: by `dlrun resume`, instead of the same command again."""
    words = ["resume", str(folder)] if goes_on else ["-m", *WORDS, f"hydra.sweep.dir={folder}"]
    with folder.with_name(folder.name + ".err").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dlrun", *words, "--quiet"],
            stdout=log,
            stderr=log,
            env={**os.environ, "DLRUN_SWEEP": str(folder)},
        )


def outcome(folder: Path) -> tuple[list[dict[str, Any]], dict[str, dict[str, bytes]]]:
    """Return the rows of a sweep by number, without times and places, and the files of its points."""
    rows = [json.loads(line) for line in (folder / "sweep.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"], row["run_dir"]
    points = [path for path in folder.iterdir() if path.is_dir()]
    return sorted(rows, key=lambda row: row["point"]), {path.name: files_of(path) for path in points}


def whole_sweep(folder: Path) -> WholeSweep:
    """Train without a kill."""
    started = time.monotonic()
    code = start(folder, goes_on=False).wait()
    if code != 0:
        raise RuntimeError(log_of(folder))
    return WholeSweep(*outcome(folder), time.monotonic() - started)


def log_of(folder: Path) -> str:
    """Return the end of what a sweep printed."""
    return folder.with_name(folder.name + ".err").read_text()[-1500:]


def killed_sweep(folder: Path, whole: WholeSweep, rng: random.Random, kills: int) -> Tally:
    """Kill a sweep `kills` times, let it end, and compare it with the one that was not killed."""
    tally, plan = Tally(runs=1), list[str]()
    for _ in range(_MOST_STARTS):
        goes_on = rng.random() < 0.5 and (folder / "sweep.json").exists()
        process = start(folder, goes_on=goes_on)
        if sum(tally.kills.values()) < kills:
            pause = rng.uniform(0.0, whole.seconds)
            plan.append(f"{'resume' if goes_on else 'again'}, killed at {pause:.2f} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(pause)
            _kill(process, folder, rng, tally)
        code = process.wait()
        if code == 0:
            break
        if code not in (1, -signal.SIGKILL):  # 1: a point whose process was killed has failed, and is tried again
            tally.wrong.append(f"{plan}: exit {code}: {log_of(folder)}")
            return tally
    found_rows, found_files = outcome(folder)
    if found_rows != whole.rows:
        tally.wrong.append(f"{plan}: rows {found_rows}, expected {whole.rows}")
    for name in whole.files.keys() | found_files.keys():
        different = differing(whole.files.get(name, {}), found_files.get(name, {}))
        if different:
            tally.wrong.append(f"{plan}: point {name} differs in {', '.join(different)}")
    return tally


def _kill(process: subprocess.Popen[bytes], folder: Path, rng: random.Random, tally: Tally) -> None:
    """Kill the sweep itself or, as often, one of the processes that it started; nothing if it has ended."""
    workers: list[int] = []
    is_worker = rng.random() < 0.5
    while is_worker and not workers and process.poll() is None:
        workers = [pid for pid in started_with(f"DLRUN_SWEEP={folder}") if pid != process.pid]
    if process.poll() is not None:
        return
    try:
        os.kill(rng.choice(workers) if is_worker else process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    tally.kills["a process of the sweep" if is_worker else "the sweep"] += 1


def campaign(kills: int, seed: int, scratch: Path) -> Tally:
    """Kill sweeps, 2 to 10 times each, until there were `kills` kills."""
    rng, total, number = random.Random(f"sweep{seed}"), Tally(), 0
    whole = whole_sweep(scratch / "sweep-whole")
    while sum(total.kills.values()) < kills:
        folder = scratch / f"sweep-{number}"
        number += 1
        tally = killed_sweep(folder, whole, rng, min(rng.randint(2, 10), kills - sum(total.kills.values())))
        total.add(tally)
        left = wait_until_none(lambda: started_with(f"DLRUN_SWEEP={folder}"), patience_s=20)  # noqa: B023 - at once
        total.wrong += [f"{folder.name}: {len(left)} processes left behind"] if left else []
        if not tally.wrong:
            shutil.rmtree(folder)
        elif len(total.wrong) >= 5:
            break
    return total
