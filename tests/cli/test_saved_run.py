"""A saved run may be somebody else's: it downloads nowhere that its user did not name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog


@pytest.mark.parametrize(
    ("dataset", "overrides", "downloads"),
    [
        ("{name: mnist}", (), True),
        ("{name: mnist, root: /}", (), False),
        ("{name: mnist, mirrors: ['http://127.0.0.1:9/']}", (), False),
        ("{name: mnist, root: /}", ("dataset.root=mine",), True),
        ("{name: mnist, root: /}", ("dataset.download=true",), True),
    ],
)
def test_a_saved_run_downloads_only_to_where_its_user_says(
    tmp_path: Path, dataset: str, overrides: tuple[str, ...], downloads: bool
) -> None:
    (tmp_path / "config.yaml").write_text(f"dataset: {dataset}\n")
    config = compose_run(tmp_path, overrides, Catalog()).config
    assert config.dataset["download"] is downloads
    assert config.tree["dataset"]["download"] is True  # the text that identifies the run stays


def test_a_mistake_is_told_before_torch_is_imported(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("dataset: {name: iris}\n")
    (tmp_path / "rows.csv").write_text("5.1,3.5,1.4,0.2\n")
    run, rows, mistake = str(tmp_path), str(tmp_path / "rows.csv"), "trainer.batchsize=3"
    commands = [
        ["eval", run, mistake],
        ["predict", run, rows, mistake],
        ["explain", run, rows, mistake],
        ["explain", run, "--split", "test", mistake],
        ["export", run, "-o", str(tmp_path / "model.pt2"), mistake],
        ["replay", run, mistake],
        ["serve", run, "--port", "0", mistake],
    ]
    code = (
        "import sys\n"
        "from dlrun.cli.main import main\n"
        f"print([main(words) for words in {commands!r}], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr.count('has no field "batchsize". Did you mean "trainer.batch_size"?') == len(commands), (
        done.stderr
    )
    assert done.stdout == f"{[2] * len(commands)} False\n"
