"""A saved run may be somebody else's: it downloads nowhere that its user did not name."""

from __future__ import annotations

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
