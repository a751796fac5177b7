"""`launch.reuse=DIR`: a point that a run below the folder was trained to the same bytes as is taken over from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.runs.history import find_runs, read_result, read_run
from dlrun.runs.sweeps.identity import Fingerprints, changed_environment, fingerprint_in, requested_sha256
from dlrun.wording import printable


def require_folder(folder: Path) -> None:
    """Raise ConfigError if there is no such folder."""
    if not folder.is_dir():
        what = "There is no such folder. Expected one with runs, of which points are taken over."
        raise ConfigError(Problem(f"launch.reuse={printable(str(folder))}", what))


class EarlierRuns:
    """The completed runs below a folder, by configuration."""

    def __init__(self, folder: Path, catalog: Catalog, *, besides: Path) -> None:
        """besides: the sweep's own folder, which is left out."""
        self._plugins = catalog.plugin_hashes()
        self._runs: dict[str, list[Path]] = {}
        for path in find_runs(folder.resolve()):
            if besides not in path.parents and path != besides:
                self._add(path)

    def _add(self, path: Path) -> None:
        result = read_result(path)
        config = requested_sha256(result)
        if config is not None and result.get("status") == "completed":
            self._runs.setdefault(config, []).append(path)

    def find(
        self, config: RunConfig, fingerprints: Fingerprints, *, threads: int | None
    ) -> tuple[Path, Mapping[str, Any]] | str:
        """Return the folder and the result of a run that would be trained to the same bytes here and now.

        threads: of a run here whose configuration leaves them open; None is torch's own number.

        Otherwise return in words how the one of the same configuration differs; "" if there is none.
        """
        why = ""
        for path in self._runs.get(config.sha256, ()):
            result = read_result(path)
            differs = self._differs(path, result, config, fingerprints, threads)
            if not differs:
                return path, result
            why = f"{path} is of the same configuration but not taken over: {differs}"
        return why

    def _differs(
        self,
        path: Path,
        result: Mapping[str, Any],
        config: RunConfig,
        fingerprints: Fingerprints,
        threads: int | None,
    ) -> str:
        changed = changed_environment(result, config, threads=threads)
        if changed:
            return changed
        if fingerprint_in(result) != fingerprints.of(config):
            return "it was trained on other data"
        try:
            about = read_run(path).config.get("recipe")
        except ConfigError:
            return "its config.yaml cannot be read"
        used = about.get("plugins") if isinstance(about, Mapping) else None
        if (used or {}) != self._plugins:
            return "it was trained with other plugins"
        return "" if (path / "checkpoints" / "best").is_file() else "its checkpoints are gone"
