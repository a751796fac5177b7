"""Print how far runs of 2 and 4 processes end from that of one, for every shipped recipe and every run of the tests.

    python -m tests.together_recipes [--steps 20] [NAME ...]

Recipes whose data must be downloaded are trained on small random data of the same form. It ends with status 1 if a run
is apart by more than 1e-5 and is not one of `APART`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.harness import CPU, configure
from tests.small_data import data_for
from tests.together import Crews, largest_difference, largest_of_rows
from tests.together_member import train
from tests.together_runs import FAMILIES, STEPS

RECIPES = Path(__file__).parent.parent / "recipes"
CLOSE = 1e-5
APART: Mapping[str, str] = {}
"""Runs that end further apart -> why."""


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
            found = crews.run(train, configure(*words, "trainer.log_every=1", *CPU))
            alone, line, is_close = found[1][0], "", True
            for size in (2, 4):
                first = found[size][0]
                apart, where = largest_difference(alone.tensors, first.tensors)
                in_rows = largest_of_rows(alone.rows, first.rows)
                same = all(largest_difference(first.tensors, each.tensors)[0] == 0.0 for each in found[size])
                is_close = is_close and same and max(apart, in_rows) <= CLOSE
                line += f"   {size}: weights {apart:.0e} {where if apart > CLOSE else ''} metrics {in_rows:.0e}"
                line += "" if same else " PROCESSES DIFFER"
            why = "" if is_close else f"   {APART.get(name, 'NOT EXPECTED')}"
            failed = failed or (not is_close and name not in APART)
            sys.stdout.write(f"{name:50} {alone.progress['step']:4} steps{line}{why}\n")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
