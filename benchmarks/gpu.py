"""Training on a GPU: `python -m benchmarks.gpu [--workloads mlp,lenet,...] [--precisions fp32,bf16,fp16]`.

Samples per second of loops written by hand (as tutorials do it; rows on the device and fused Adam; the same as a CUDA
graph) and of dlrun, without graphs and with `device.graphs=auto`; how busy the GPU was with the last; and how dlrun
compares with the best of the loops and with the plain one. Then dlrun is trained twice, and interrupted and resumed,
and the weights are compared. It takes a few minutes, and refuses to run without a GPU of CUDA.
--json FILE has every number, with what dlrun told of graphs; it is written after each measurement, so that a run that
is ended early leaves what it has. A measurement that fails is told, and the next one follows; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.arguments import at_least_one, chosen_names

PRECISIONS = ("fp32", "bf16", "fp16")
NAMES = ("mlp", "lenet", "lstm", "resnet", "transformer")
_MOST_STEPS = 4000
_HAND = ("by hand", "by hand, graph")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured: seconds of each loop, rows of a step, and steps of dlrun, at least."""

    seconds: float
    batch_size: int
    least_steps: int = 200  # device.graphs=auto captures from 100 on


def measure(name: str, precision: str, folder: Path, *, device: str, sizes: Sizes) -> dict[str, Any]:
    """Measure every contestant on one workload; return samples per second, utilisation, and what dlrun told."""
    import torch

    from benchmarks import gpu_dlrun
    from benchmarks.gpu_loops import LOOPS, seconds_per_step
    from benchmarks.gpu_workloads import GPU_WORKLOADS
    from benchmarks.utilisation import watched

    workload, where, batch_size = GPU_WORKLOADS[name], torch.device(device), sizes.batch_size
    of_step: dict[str, float] = {}
    busy: dict[str, float | None] = {}
    told: dict[str, Sequence[str]] = {}
    for loop, make in LOOPS.items():
        if loop == "by hand, graph" and device != "cuda":
            continue  # graphs are of CUDA
        step = make(workload, where, precision, batch_size)
        with watched() as found:
            of_step[loop] = seconds_per_step(step, where, seconds=sizes.seconds)
        busy[loop] = found.share
        del step
    for graphs, loop in (("off", "by hand"), ("auto", "by hand, graph")):
        likely = of_step.get(loop, of_step["by hand"])
        steps = max(sizes.least_steps, min(_MOST_STEPS, int(sizes.seconds / likely)))
        with watched() as found:
            trained = gpu_dlrun.speed(
                workload, folder, device=device, precision=precision, batch_size=batch_size, steps=steps, graphs=graphs
            )
        contestant = "dlrun" if graphs == "auto" else "dlrun, no graphs"
        of_step[contestant], busy[contestant] = trained.seconds_per_step(), found.share
        told[contestant] = trained.told
    rates = {contestant: batch_size / seconds for contestant, seconds in of_step.items()}
    return {"workload": name, "precision": precision, "samples_per_second": rates, "utilisation": busy, "told": told}


def ratios(rates: Mapping[str, float]) -> tuple[float, float]:
    """Return dlrun's speed divided by that of the best loop written by hand, and by that of the plain loop."""
    best = max(rates[name] for name in _HAND if name in rates)
    return rates["dlrun"] / best, rates["dlrun"] / rates["plain loop"]


def headings() -> str:
    """Return the first line of the table."""
    return (
        f"{'':<12}{'':<6}{'plain':>10}{'by hand':>10}{'graph':>10}{'no graphs':>11}{'dlrun':>10}"
        f"{'/ best':>8}{'/ plain':>9}{'busy':>7}"
    )


def line(result: Mapping[str, Any]) -> str:
    """Return a line of the table: thousands of samples a second, ratios, and how busy the GPU was with dlrun."""
    rates = result["samples_per_second"]
    columns = (("plain loop", 10), ("by hand", 10), ("by hand, graph", 10), ("dlrun, no graphs", 11), ("dlrun", 10))
    shown = "".join(
        f"{rates[name] / 1000:>{width}.1f}" if name in rates else f"{'-':>{width}}" for name, width in columns
    )
    of_best, of_plain = ratios(rates)
    busy = result["utilisation"].get("dlrun")
    share = "-" if busy is None else f"{busy:.0%}"
    return f"{result['workload']:<12}{result['precision']:<6}{shown}{of_best:>8.2f}{of_plain:>9.2f}{share:>7}"


def repeated(name: str, precision: str, folder: Path, *, device: str, sizes: Sizes) -> dict[str, Any]:
    """Train again and resume; return how the weights differ, in words."""
    from benchmarks import gpu_dlrun
    from benchmarks.gpu_workloads import GPU_WORKLOADS

    found = gpu_dlrun.bytes_found(
        GPU_WORKLOADS[name], folder, device=device, precision=precision, batch_size=sizes.batch_size, graphs="on"
    )
    return {"workload": name, "precision": precision, **found}


def line_of_bytes(result: Mapping[str, Any]) -> str:
    """Return how the weights of one workload differ, in a line."""
    found = ", ".join(f"{what}: {how}" for what, how in result.items() if what not in ("workload", "precision"))
    return f"{result['workload']:<12}{result['precision']:<6}{found}"


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Parse the options; unknown names end the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default=",".join(NAMES))
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--seconds", type=float, default=1.0, help="of each loop, above 0 (1.0)")
    parser.add_argument("--batch-size", type=at_least_one, default=128, help="rows of a step (128)")
    parser.add_argument("--no-bytes", action="store_true", help="leave out the comparison of weights")
    parser.add_argument("--json", type=Path, help="a file for every number")
    options = parser.parse_args(words)
    for option, known in (("workloads", NAMES), ("precisions", PRECISIONS)):
        setattr(options, option, chosen_names(parser, option, getattr(options, option), known))
    if options.seconds <= 0:
        parser.error(f"--seconds: expected a number above 0, got {options.seconds:g}.")
    return options


def require_cuda() -> str:
    """Return the GPU's name.

    Raises SystemExit, in words, if torch cannot use one.
    """
    import torch

    if not torch.cuda.is_available():
        built = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is built for the CPU only"
        raise SystemExit(
            f"This benchmark needs a GPU of CUDA, and torch finds none here (torch {torch.__version__} {built}). "
            "python -m benchmarks.training measures on the CPU."
        )
    return torch.cuda.get_device_name()


class Results:
    """Every number so far, printed line by line and written to a file after each. about: the GPU and versions."""

    def __init__(self, file: Path | None, about: Mapping[str, Any]) -> None:
        self._file, self._about = file, about
        self._found: dict[str, list[dict[str, Any]]] = {"speed": [], "bytes": [], "failed": []}

    @property
    def has_failures(self) -> bool:
        """Whether a measurement failed."""
        return bool(self._found["failed"])

    def add(self, kind: str, measurement: Callable[..., dict[str, Any]], workload: str, precision: str) -> None:
        """Measure and print a line; a failure is one, and does not end the benchmark."""
        try:
            found = measurement(workload, precision)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what it measured so far, and the rest, are worth more
            kind, found = "failed", {"workload": workload, "precision": precision, "error": told(error)}
        self._found[kind].append(found)
        print(LINES[kind](found), flush=True)
        if self._file is not None:
            self._file.write_text(json.dumps({**self._about, **self._found}, indent=1), encoding="utf-8")


def told(error: BaseException) -> str:
    """Return an error's text: what a SystemExit says, or the kind of another with what it says."""
    return str(error) if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"


LINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "speed": line,
    "bytes": line_of_bytes,
    "failed": lambda found: f"{found['workload']:<12}{found['precision']:<6}failed: {found['error']}",
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print two tables, fp32 of every workload first; write every number if asked to.

    Raises SystemExit without a GPU, and at the end if a measurement failed.
    """
    options = arguments(words)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before CUDA starts, for deterministic runs
    name = require_cuda()
    import torch

    sizes = Sizes(options.seconds, options.batch_size)
    about = {"gpu": name, "torch": torch.__version__, "cuda": torch.version.cuda, "batch_size": sizes.batch_size}
    results = Results(options.json, about)
    kinds = [(workload, precision) for precision in options.precisions for workload in options.workloads]
    print(f"{name}, torch {torch.__version__}, CUDA {torch.version.cuda}, batch {sizes.batch_size}, Adam; "
          "thousands of samples a second")  # fmt: skip
    print(headings(), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        given = {"folder": Path(scratch), "device": "cuda", "sizes": sizes}
        for kind in kinds:
            results.add("speed", partial(measure, **given), *kind)
        for kind in [] if options.no_bytes else kinds:
            results.add("bytes", partial(repeated, **given), *kind)
    if results.has_failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
