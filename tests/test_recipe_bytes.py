"""tests.recipe_bytes: equal code gives equal lines, and a difference is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import recipe_bytes


def test_equal_code_gives_equal_lines_and_a_difference_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tmp_path / "before.txt"
    assert recipe_bytes.main(["lstm_r8", "--steps", "2", "--out", str(earlier)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert earlier.read_text().splitlines() == lines
    assert [line.split()[:2] for line in lines] == [
        ["lstm_r8", f"{name}"]
        for name in (
            "model.safetensors", "optimizer.safetensors", "random.safetensors", "state.json", "metrics.jsonl",
            "result.json",
        )
    ]  # fmt: skip
    assert all(len(line.split()[2]) == 64 for line in lines)
    earlier.write_text(f"{earlier.read_text()}mlp_digits model.safetensors 00\n")  # a recipe that is not requested
    assert recipe_bytes.main(["lstm_r8", "--steps", "2", "--against", str(earlier)]) == 0
    assert "6 lines before, 6 now, 0 differ" in capsys.readouterr().err
    earlier.write_text(earlier.read_text().replace(lines[0], f"lstm_r8 model.safetensors {'0' * 64}"))
    monkeypatch.setattr(recipe_bytes, "hashes", lambda name, steps: iter(lines))  # as twice before
    assert recipe_bytes.main(["lstm_r8", "--steps", "2", "--against", str(earlier)]) == 1
    err = capsys.readouterr().err
    assert f"- lstm_r8 model.safetensors {'0' * 64}\n+ {lines[0]}\n" in err
    assert "6 lines before, 6 now, 2 differ" in err


def test_a_recipe_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(recipe_bytes, "data_for", lambda name, folder, rows: (f"dataset.root={folder}/missing",))
    assert recipe_bytes.main(["mlp_mnist", "--steps", "2"]) == 1
    assert capsys.readouterr().out.startswith("mlp_mnist FAILED 3 ")


def test_an_unknown_recipe_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        recipe_bytes.main(["mlp_mnst"])
    assert "unknown recipe mlp_mnst; choose from arrays_wine," in capsys.readouterr().err


def test_an_earlier_output_that_is_missing_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        recipe_bytes.main(["mlp_mnist", "--against", "before.txt"])
    assert "--against before.txt: no such file" in capsys.readouterr().err
