"""Kill a process of a run that two processes train, or their launcher, at a random moment.

All of them must end within seconds, with one error that names the process, and none may be left; the run, resumed, must
end with the files of a run that was not killed.
"""

from __future__ import annotations

import contextlib
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

from tests.faults.kills import COMMON, Tally, differing, files_of, words_of
from tests.processes import started_with, wait_until_none

NAMES = ("mlp", "gan", "accumulate", "workers", "sharded")
"""Kinds of run, of those in `kills.KINDS`: with dropout, two optimizers, accumulated gradients, streamed rows. The last
is "ema", of which each process has a part."""
_PATIENCE_S = 15.0  # for the end of all processes, on a busy machine
_LOST = 7


@dataclass(frozen=True)
class Whole:
    """A run that was never killed: its files and its time."""

    files: Mapping[str, bytes]
    seconds: float


def start(words: tuple[str, ...], folder: Path) -> subprocess.Popen[bytes]:
    """Start or resume a run in its folder, as a user does."""
    with folder.with_name(folder.name + ".err").open("wb") as log:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "dlrun",
                *COMMON,
                *words,
                "device.processes=2",
                f"hydra.run.dir={folder}",
                "--quiet",
            ],
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, "DLRUN_RANKS": str(folder)},
        )


def errors_of(folder: Path) -> str:
    """Return what a run printed on standard error."""
    return folder.with_name(folder.name + ".err").read_text()


def whole_run(words: tuple[str, ...], folder: Path) -> Whole:
    """Train without a kill."""
    started = time.monotonic()
    if start(words, folder).wait() != 0:
        raise RuntimeError(errors_of(folder))
    return Whole(files_of(folder), time.monotonic() - started)


def killed_run(words: tuple[str, ...], folder: Path, whole: Whole, rng: random.Random, kills: int) -> Tally:
    """Kill a run `kills` times, let it end, and compare its files with those of the run that was not killed."""
    tally, misses = Tally(runs=1), 0
    while sum(tally.kills.values()) < kills and misses < 4:
        pause = rng.uniform(0.0, whole.seconds)
        process = start(words, folder)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(pause)
        victim = _kill(process, folder, rng)
        killed_at = time.monotonic()
        wrong = _wrong_end(process, folder, victim)
        tally.longest_s = max(tally.longest_s, time.monotonic() - killed_at)
        if wrong:
            tally.wrong.append(f"{victim} killed at {pause:.2f} s of {whole.seconds:.2f} s: {wrong}")
            return tally
        if process.returncode == 0:
            misses += 1
        else:
            tally.kills[victim] += 1
    if start(words, folder).wait() != 0:
        tally.wrong.append(f"it does not go on: {errors_of(folder)[-600:]}")
        return tally
    different = differing(whole.files, files_of(folder))
    if different:
        tally.wrong.append(f"differs in {', '.join(different)}")
    return tally


def _kill(process: subprocess.Popen[bytes], folder: Path, rng: random.Random) -> str:
    """Kill the launcher or one of the processes that it started, if there is one; return which."""
    if rng.random() < 0.25:
        process.kill()
        return "the launcher"
    ranks: dict[int, str] = {}
    while not ranks and process.poll() is None:
        ranks = _ranks(folder)
    if not ranks:
        return "nothing"
    victim = rng.choice(sorted(ranks))
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    return ranks[victim]


def _ranks(folder: Path) -> dict[int, str]:
    """Return which of the processes of a run train it, and the rank of each."""
    found = {}
    for pid in started_with(f"DLRUN_RANKS={folder}"):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            rank = [word.removeprefix(b"RANK=").decode() for word in words if word.startswith(b"RANK=")]
            if rank and b"ranks.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found[pid] = f"rank {rank[0]}"
    return found


def _wrong_end(process: subprocess.Popen[bytes], folder: Path, victim: str) -> str | None:
    """Wait for the end of all processes of a killed run; return what is wrong with it."""
    killed_at = time.monotonic()
    try:
        code = process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"it had not ended after {_PATIENCE_S:g} s: {errors_of(folder)[-600:]}"
    left = wait_until_none(lambda: started_with(f"DLRUN_RANKS={folder}"), patience_s=_PATIENCE_S)
    if left:
        return f"{len(left)} processes were left after {time.monotonic() - killed_at:.1f} s"
    printed = errors_of(folder)
    told = [line for line in printed.splitlines() if line.startswith("dlrun: ")]
    expected = {"the launcher": -signal.SIGKILL}.get(victim, _LOST)
    if code == 0 or (code == expected and (victim == "the launcher" or (len(told) == 1 and "SIGKILL" in told[0]))):
        return None
    return f"exit {code}, which told: {printed[-600:]}"


def _words(kind: str, scratch: Path) -> tuple[str, ...]:
    if kind == "sharded":
        return (*words_of("ema", scratch), "device.strategy=fsdp")
    return words_of(kind, scratch)


def campaign(kills: int, seed: int, scratch: Path) -> Tally:
    """Kill runs of every kind, 2 to 6 times each, until there were `kills` kills."""
    rng, total, number = random.Random(f"ranks{seed}"), Tally(), 0
    whole: dict[str, Whole] = {}
    while sum(total.kills.values()) < kills and len(total.wrong) < 5:
        kind = NAMES[number % len(NAMES)]
        words, folder = _words(kind, scratch), scratch / f"ranks-{number}"
        number += 1
        if kind not in whole:
            whole[kind] = whole_run(words, scratch / f"ranks-{kind}-whole")
        wanted = min(rng.randint(2, 6), kills - sum(total.kills.values()))
        tally = killed_run(words, folder, whole[kind], rng, wanted)
        tally.wrong = [f"{kind}, {folder.name}: {wrong}" for wrong in tally.wrong]
        total.add(tally)
        if not tally.wrong:
            shutil.rmtree(folder)
    return total
