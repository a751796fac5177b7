"""Print how far runs of 2 and 4 processes end from that of one, for every shipped recipe and every run of the tests.

    python -m tests.together_recipes [--steps 20] [NAME ...]

Recipes whose data must be downloaded are trained on small random data of the same form. Where weights are apart by more
than 1e-5, training may have enlarged rounding, as Adam does with gradients that are rounding alone. So these runs are
repeated in float64, where nothing but rounding becomes smaller. It ends with status 1 if weights are then apart by more
than 1e-8, or if the processes of a group differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.harness import CPU, configure
from tests.small_data import data_for
from tests.together import Crews, Outcome, largest_difference, largest_of_rows
from tests.together_member import train, train_exactly
from tests.together_runs import FAMILIES, STEPS

RECIPES = Path(__file__).parent.parent / "recipes"
CLOSE, EXACT = 1e-5, 1e-8


def runs(names: Sequence[str], *, steps: int, folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name and overrides of each run."""
    every = {**FAMILIES, **STEPS}
    for path in sorted(RECIPES.glob("*.yaml")):
        data = folder / path.stem
        data.mkdir()
        words = (f"recipe={path.stem}", *data_for(path.stem, data))
        every[f"recipe {path.stem}"] = (*words, f"trainer.max_steps={steps}", "trainer.epochs=null")
    for name, words in every.items():
        if not names or name in names or name.removeprefix("recipe ") in names:
            yield name, words


def main() -> int:
    """Train all of them, print a line for each; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--steps", type=int, default=20, help="of each recipe (default 20)")
    given = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder, Crews() as crews:
        for name, words in runs(given.names, steps=given.steps, folder=Path(folder)):
            if not compared(crews, train, name, words, close=CLOSE):
                failed = not compared(crews, train_exactly, f"{name}, in float64", words, close=EXACT) or failed
    return int(failed)


def compared(crews: Crews, function: Callable[..., Outcome], name: str, words: Sequence[str], *, close: float) -> bool:
    """Train with 1, 2 and 4 processes; print how far they end apart, and return whether they are close."""
    found = crews.run(function, configure(*words, "trainer.log_every=1", *CPU))
    alone, line, is_close = found[1][0], "", True
    for size in (2, 4):
        first = found[size][0]
        apart, where = largest_difference(alone.tensors, first.tensors)
        in_rows = largest_of_rows(alone.rows, first.rows)
        same = all(largest_difference(first.tensors, each.tensors)[0] == 0.0 for each in found[size])
        is_close = is_close and same and max(apart, in_rows) <= close
        line += f"   {size}: weights {apart:.0e} metrics {in_rows:.0e}{f' ({where})' if apart > close else ''}"
        line += "" if same else " PROCESSES DIFFER"
    sys.stdout.write(f"{name:50} {alone.progress['step']:4} steps{line}\n")
    sys.stdout.flush()
    return is_close


if __name__ == "__main__":
    sys.exit(main())
