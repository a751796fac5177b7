"""Errors in the user's own code, told in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn, optim

from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.user_code import advice_on, as_mistake, lines_of, tell
from dlrun.errors import ConfigError


def error_of(path: Path, code: str) -> Exception:
    """Return the error that running `code`, the content of a file, raises."""
    path.write_text(code)
    try:
        exec(compile(code, str(path), "exec"), {"nn": nn, "optim": optim})  # noqa: S102 - as importing it would
    except Exception as error:  # noqa: BLE001 - any error of the user's code
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("nn.Conv2d(3, 32, (3, 3), activation='relu')", "PyTorch layers have no activation: put nn.ReLU()"),
        ("nn.Linear(4, 8, input_shape=(4,))", "as nn.Linear(inputs, outputs); spec.shape is the shape of a row."),
        ("nn.Linear(units=8)", "PyTorch calls it out_features"),
        ("nn.MaxPool2d(pool_size=2)", "PyTorch calls it kernel_size"),
        ("nn.Conv2d(1, 2, 3, strides=2)", "PyTorch calls it stride."),
        ("nn.Dropout(rate=0.5)", "PyTorch calls it p"),
        ("nn.Dense(10)", "PyTorch calls it nn.Linear(inputs, outputs)."),
        ("nn.Conv2D(3, 32, 3)", "PyTorch calls it nn.Conv2d(in_channels"),
        ("optimizer = optim.Adam(net.parameters())", "dlrun builds the optimizer once the model exists: remove"),
        ("optim.Adam(nn.ReLU().parameters())", "There is no layer yet whose weights it could change."),
        ("import tensorflow.nothing_like_this", "dlrun trains PyTorch models"),
    ],
)
def test_mistakes_of_tutorials_are_answered_with_what_to_write(tmp_path: Path, code: str, advice: str) -> None:
    error = error_of(tmp_path / "mine.py", f"import math\n{code}\n")
    assert advice in advice_on(error)
    assert lines_of(error, [tmp_path / "mine.py"]) == f"mine.py, line 2, `{code}`"


@pytest.mark.parametrize("code", ["nn.Linear(4, 8, colour=1)", "nn.Nothing()", "[][3]", "optim.nothing"])
def test_no_advice_is_given_on_other_mistakes(tmp_path: Path, code: str) -> None:
    assert advice_on(error_of(tmp_path / "mine.py", code)) == ""


def test_an_error_is_told_with_its_line_and_the_advice(tmp_path: Path) -> None:
    error = error_of(tmp_path / "mine.py", "def f():\n    return nn.Dense(3)\nf()\n")
    assert tell(error, [tmp_path / "mine.py"]) == (
        "AttributeError: module 'torch.nn' has no attribute 'Dense' (mine.py, line 2, `return nn.Dense(3)`). "
        "PyTorch calls it nn.Linear(inputs, outputs)."
    )
    assert tell(ValueError("bad."), []) == "ValueError: bad."


def test_a_plugin_that_builds_its_optimizer_first_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import torch\noptimizer = torch.optim.Adam(net.parameters())\ndef mine(spec):\n    return 1\n")
    with pytest.raises(
        ConfigError, match=r"NameError: name 'net' is not defined \(mine.py, line 2, .*remove this line"
    ):
        Catalog(plugins=[path]).load("model", "mine")


def test_an_error_that_passed_through_a_plugin_is_no_defect_of_dlrun(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    error = error_of(path, "def f():\n    return [][3]\nf()\n")
    mistake = as_mistake(error, [path])
    assert str(mistake) == (
        "1 problem in a plugin:\n  --plugin mine.py\n"
        "      Its code failed: IndexError: list index out of range (mine.py, line 2, `return [][3]`)."
    )
    assert mistake is not None
    assert (mistake.exit_code, mistake.problems[0].id) == (2, "plugin-failed")
    assert as_mistake(error, [tmp_path / "other.py"]) is None
    assert as_mistake(ConfigError("told already"), [path]) is None
