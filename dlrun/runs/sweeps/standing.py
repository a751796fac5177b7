"""How a point of a sweep stands: done, under way, or trained before something that decides its bytes was changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.runs.history import read_result
from dlrun.runs.sweeps.identity import (
    Fingerprints,
    changed_versions,
    fingerprint_in,
    fingerprint_of_checkpoint,
    requested_sha256,
)
from dlrun.runs.sweeps.ledger import Entry
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.wording import printable

_DONE = ("completed", "diverged")  # a diverged point would diverge again


@dataclass(frozen=True)
class Standing:
    """How a point stands. changed: what decides its bytes and has changed since, in words; "" if nothing has."""

    is_begun: bool = False
    is_done: bool = False
    changed: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


class Judge:
    """Judges points by what is in their folders, against what they would be trained to now."""

    def __init__(self, plugins: Mapping[str, str], fingerprints: Fingerprints) -> None:
        """plugins: the SHA-256 of each plugin of this command, by name."""
        self._plugins, self._fingerprints = plugins, fingerprints

    def standing(self, entry: Entry, row: SweepRow | None, folder: Path, config: RunConfig) -> Standing:
        """Return how a point stands.

        entry: of the ledger. row: its newest, if it has one. folder: of its run. config: as it is asked for now.
        """
        result = read_result(folder)
        is_pruned = row is not None and row.status == "pruned" and result["status"] == "interrupted"
        if is_pruned or result["status"] in _DONE:
            changed = self._changed_since(entry, result, config)
            return Standing(is_begun=True, is_done=True, changed=changed, result=result)
        if (folder / "config.yaml").exists():
            changed = self._changed_under_way(entry, folder, config)
            return Standing(is_begun=True, changed=changed, result=result)
        return Standing()

    def changed_plugins(self, entry: Entry) -> str:
        """Return the plugins that have changed since a point began: "the plugin mine.py"."""
        names = [name for name, digest in entry.plugins.items() if self._plugins.get(name, digest) != digest]
        return f"the plugin {printable(', '.join(names))}" if names else ""

    def _changed_since(self, entry: Entry, result: Mapping[str, Any], config: RunConfig) -> str:
        if requested_sha256(result) != config.sha256:
            return "its configuration"
        changed = changed_versions(result) or self.changed_plugins(entry)
        if not changed and fingerprint_in(result) != self._fingerprints.of(config):
            return "its data"
        return changed

    def _changed_under_way(self, entry: Entry, folder: Path, config: RunConfig) -> str:
        """Return what changed so that the run cannot go on; other changes it tells itself."""
        if entry.config not in (None, config.sha256):  # None: of a sweep that kept no ledger
            return "its configuration"
        before = fingerprint_of_checkpoint(folder)
        return "its data" if before is not None and before != self._fingerprints.of(config) else ""
