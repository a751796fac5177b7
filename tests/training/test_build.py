"""dlrun.training.build: how many steps a run has, and what building it does not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.training.build import horizon
from tests.harness import SMALL


def test_horizon_counts_steps_of_the_optimizer() -> None:
    settings = TrainerSettings(epochs=3, batch_size=10, accumulate=2)
    assert horizon(95, settings).steps_per_epoch == 5  # 10 batches, two a step
    assert horizon(95, settings).total_steps == 15
    assert horizon(95, settings, warmup_steps=4).total_steps == 11
    assert horizon(95, TrainerSettings(epochs=None, max_steps=7, batch_size=32)).total_steps == 7


def test_a_run_without_compile_does_not_import_the_compiler(tmp_path: Path) -> None:
    words = [*SMALL, "model.hidden=[4]", "trainer.epochs=1", "-q", f"hydra.run.dir={tmp_path / 'a'}"]
    code = (
        "import sys; from dlrun.cli.main import main\n"
        f"main({words!r})\n"
        "heavy = ('torch._dynamo', 'torch._inductor', 'sympy', 'sklearn', 'scipy', 'pandas', 'pyarrow', 'PIL')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
