"""dlrun itself: the names a plugin needs, each imported when first used, and nothing deeper."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dlrun


def _static_names() -> dict[str, str]:
    """The names that the package's face shows to type checkers, and the module each is from."""
    tree = ast.parse(Path(dlrun.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


@pytest.mark.parametrize("name", [name for name in dlrun.__all__ if name != "__version__"])
def test_each_promised_name_is_what_its_room_holds(name: str) -> None:
    module = sys.modules.get(_static_names()[name]) or __import__(_static_names()[name], fromlist=[name])
    assert getattr(dlrun, name) is getattr(module, name)


def test_type_checkers_see_the_same_names() -> None:
    assert set(_static_names()) == set(dlrun.__all__) - {"__version__"}


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dlrun' has no attribute 'Trainr'"):
        dlrun.Trainr  # noqa: B018


def test_importing_dlrun_imports_neither_torch_nor_hydra() -> None:
    code = "import sys, dlrun; print(sorted({'torch', 'hydra', 'yaml', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_names_of_fields_import_no_torch() -> None:
    code = "import sys; from dlrun import Range, Width, ConfigError; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
