"""What a run was made of."""

from __future__ import annotations

from pathlib import Path

from dlrun.report.pages.run.about import (
    configuration_section,
    data_section,
    environment_section,
    missing_section,
    repeat_section,
)
from dlrun.runs.analysis.reports import Examined, TokenReport
from dlrun.runs.sweeps.saved.shared import Shared
from tests.report.pages.test_sweep_page import EVIL, read

SHARED = Shared({"trainer.epochs": 7}, {"dataset": "iris", "rows": "train 108", "torch": "2.13.0"})


def text_of(html: str) -> str:
    return " ".join(read(html).text.split())


def test_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"a: {EVIL[0]}")
    html = configuration_section(tmp_path, SHARED)
    assert "trainer.epochs 7 Every setting (config.yaml) a: </script><script>alert(1)</script>" in text_of(html)
    assert "<script" not in html
    (tmp_path / "config.yaml").unlink()
    assert "Everything is the default." in configuration_section(tmp_path, Shared())


def test_data_and_environment() -> None:
    examined = Examined(describes="4 features", columns={EVIL[1]: "number"}, class_counts={"a": 3, "b": 1})
    text = text_of(data_section(SHARED, {"dataset": {"skipped": ["line 3: no number"]}}, examined))
    assert "what it is 4 features dataset iris rows train 108" in text
    assert f"column kind {EVIL[1]} number" in text
    assert "class rows share a 3 75.0% b 1 25.0%" in text
    assert "Rows that were skipped: line 3: no number" in text
    assert "torch" not in text
    assert text_of(environment_section(SHARED)) == "Environment torch 2.13.0"
    examined.with_rows = False
    assert "line 3" not in data_section(SHARED, {"dataset": {"skipped": ["line 3: no number"]}}, examined)
    many = Examined(class_counts={str(n): 1 for n in range(103)})
    assert "3 more classes." in data_section(SHARED, {"dataset": {"skipped": {"train": [1]}}}, many)
    assert (data_section(Shared(), {}, Examined()), environment_section(Shared())) == ("", "")


def run_folder(parent: Path, name: str) -> Path:
    """A folder with a checkpoint."""
    (parent / name / "checkpoints" / "last").mkdir(parents=True)
    return parent / name


def test_commands_are_quoted(tmp_path: Path) -> None:
    html = repeat_section(run_folder(tmp_path, "my run; rm -rf"), [Path("a b.py")], examined=Examined())
    assert "dlrun recipe=./'my run; rm -rf'/config.yaml --plugin 'a b.py'" in read(html).text
    assert "dlrun eval 'my run; rm -rf' --plugin 'a b.py'" in read(html).text


def test_only_commands_that_work_are_shown(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "a")
    prompted = text_of(repeat_section(folder, [], examined=Examined(tokens=TokenReport([0.0], [], ""))))
    assert 'dlrun predict a --prompt "TEXT"' in prompted
    generator = text_of(repeat_section(folder, [], examined=Examined(is_generator=True)))
    assert "measures its best checkpoint, and makes it a recipe" in generator
    assert "predict" not in generator
    (folder / "checkpoints" / "last").rmdir()
    without = text_of(repeat_section(folder, [], examined=Examined()))
    assert without.endswith("dlrun recipe=./a/config.yaml")


def test_what_is_missing() -> None:
    assert missing_section([]) == ""
    assert "&lt;svg" in missing_section([EVIL[4]])
