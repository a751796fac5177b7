"""dlrun.runs.export.opened: an exported file answers as `dlrun predict` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.errors import DataError, StorageError
from dlrun.runs.export.opened import open_exported
from tests.runs.export.conftest import Train

Dlrun = Callable[..., tuple[int, str, str]]


def test_rows_in_and_the_columns_of_predict_out(trained: Train, dlrun: Dlrun) -> None:
    assert dlrun("export", str(trained("text")), "-o", "m.pt2", "-q")[0] == 0
    model = open_exported(Path("m.pt2"))
    found = model.predict([{"text": "good nice"}, "awful, and not fine"], probabilities=True)
    Path("new.csv").write_text('text\ngood nice\n"awful, and not fine"\n')
    _, out, _ = dlrun("predict", str(trained("text")), "new.csv", "--probabilities")
    head, *lines = (line.split(",") for line in out.splitlines())
    assert [*found] == head
    for number, line in enumerate(lines):
        assert found["prediction"][number] == line[0]
        assert [found[name][number] for name in head[1:]] == pytest.approx([float(each) for each in line[1:]], abs=1e-6)
    with pytest.raises(DataError, match='row 1, column "text": expected a text, got nothing'):
        model.predict([{"text": None}])
    Path("m.pt2").write_bytes(b"x")
    with pytest.raises(StorageError, match="is not the file that it describes"):
        open_exported(Path("m.pt2"))
