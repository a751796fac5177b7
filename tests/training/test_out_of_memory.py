"""dlrun.training.out_of_memory: data and models that do not fit are told with what needs less."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dlrun.training import loading
from dlrun.training.out_of_memory import building_error
from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("group", "fields", "advice", "fix"),
    [
        ("dataset", {"in_memory": True}, "Use dataset.in_memory=false, or a smaller dataset.limit.", "in_memory=false"),
        (
            "dataset",
            {"in_memory": "auto"},
            "Use dataset.in_memory=false, or a smaller dataset.limit.",
            "in_memory=false",
        ),
        ("dataset", {"in_memory": False}, "Free some, or use a smaller dataset.limit.", None),
        ("dataset", {}, "Free some, or use a smaller dataset.limit.", None),
        ("model", {}, "Free some, or use smaller layers.", None),
    ],
)
def test_what_needs_less(group: str, fields: dict[str, Any], advice: str, fix: str | None) -> None:
    error = building_error(group, "mine", fields)
    shown = f"Out of memory:\n  {group}=mine\n      It does not fit into memory: the system gave no more. {advice}"
    assert str(error) == shown
    assert error.problems[0].fix == (fix and f"dataset.{fix}")


def no_memory(*args: Any, **fields: Any) -> NoReturn:
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 308281344 bytes.")


def test_rows_that_do_not_fit_when_they_are_split(
    dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "prepare", no_memory)
    code, _, err = dlrun(*SHORT)
    assert code == 2
    assert "dataset=iris\n      It does not fit into memory: the system gave no more. Free some" in err


def test_a_model_that_does_not_fit_when_it_is_built(dlrun: Dlrun, own_folder: Path) -> None:
    text = "def mine(spec, *, width: int = 8):\n    '''A model of my own.'''\n    raise MemoryError\n"
    Path("mine.py").write_text(text)
    code, _, err = dlrun("--plugin", "mine.py", *SHORT, "model=mine")
    assert code == 2
    assert (
        "model=mine\n      It does not fit into memory: the system gave no more. Free some, or use smaller layers."
        in err
    )
