"""`dlrun.data.files.optional`: a missing package is an error that says what to install."""

from __future__ import annotations

import json
import sys

import pytest

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError


def test_a_module_that_is_installed_is_imported() -> None:
    assert import_optional("json", extra="table", needed_by="x.parquet") is json


@pytest.mark.parametrize("module", ["pyarrow", "pyarrow.parquet"])
def test_a_missing_package_says_what_needs_it_and_what_to_install(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError) as caught:
        import_optional(module, extra="table", needed_by="x.parquet")
    (problem,) = caught.value.problems
    assert problem.where == "x.parquet"
    assert problem.message == 'This needs pyarrow, which is not installed: pip install "dlrun[table]".'
