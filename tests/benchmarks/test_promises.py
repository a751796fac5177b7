"""benchmarks/promises.py: the interval of a recipe's metrics over seeds."""

from __future__ import annotations

import pytest

from benchmarks import promises

SHORT = ("trainer.epochs=1", "dataset.limit=100", "device.threads=1", "device=cpu")


def test_it_prints_intervals_in_the_form_of_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    promises.main(["logistic_breast_cancer", "--seeds", "3", "--set", *SHORT])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("logistic_breast_cancer: 3 seeds, ")
    assert lines[1].startswith("  test/accuracy: 0.")
    assert "; promises [0.916, 0.957]" in lines[1]
    assert lines[3].startswith("  expect: {test/accuracy: [0.")
    assert lines[-1].startswith(
        "meaning: each interval contains the value of a new run with another seed with a probability of "
    )


def test_a_recipe_that_cannot_be_measured_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DLRUN_MNIST", raising=False)
    with pytest.raises(SystemExit) as ended:
        promises.main(["mlp_mnist", "mlp_digits", "--seeds", "3", "--set", "device=nothing"])
    assert ended.value.code == 1
    out = capsys.readouterr().out
    assert "mlp_mnist: not measured: DLRUN_MNIST names no folder with its data" in out
    assert "mlp_digits: not measured: " in out
    assert 'Unknown device "nothing".' in out


def test_too_few_seeds_make_no_interval(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        promises.main(["mlp_digits", "--seeds", "2"])
    assert "an interval needs at least 3." in capsys.readouterr().err
