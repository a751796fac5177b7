"""The places of a sweep with a ledger: what is done is not trained again, what was under way goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import DlrunError
from dlrun.runs.sweeps.identity import Fingerprints
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.labels import Labels, words_of
from dlrun.runs.sweeps.ledger import Entry, Ledger
from dlrun.runs.sweeps.places import Placed
from dlrun.runs.sweeps.reuse import EarlierRuns
from dlrun.runs.sweeps.rows import SweepRow, folder_of, row_of_error, row_of_result
from dlrun.runs.sweeps.search.search import Known
from dlrun.runs.sweeps.standing import Judge, Standing
from dlrun.storage.lock import wait_until_free
from dlrun.storage.run_dir import numbered

_PATIENCE_S = 20.0  # for the worker of a killed sweep, which ends by itself

Tell = Callable[[str], None]
"""Receives a notice for the user."""


class LedgerPlaces:
    """Places points by the ledger of their sweep (a Places).

    numbers: of the points placed so far, in the order of their plans. threads: returns the CPU threads of a point that
    leaves them open, if the engine of the sweep decides them.
    """

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        *,
        tell: Tell,
        earlier: EarlierRuns | None = None,
        adjust: Callable[[Composed], Composed] | None = None,
    ) -> None:
        """earlier: runs of which points are taken over. adjust: changes how a configuration is run, not what it is."""
        self._ledger, self._catalog, self._earlier, self._adjust = ledger, catalog, earlier, adjust
        self._plugins, self._fingerprints = catalog.plugin_hashes(), Fingerprints(catalog)
        self._judge = Judge(self._plugins, self._fingerprints)
        entries = [ledger.entries[number] for number in sorted(ledger.entries)]
        self._labels = Labels(ledger.rows.values(), (entry.words for entry in entries))
        self._waiting = _Waiting(entries)
        self._tell_once = _TellOnce(tell)
        self.threads: Callable[[], int | None] = lambda: None
        self.numbers: list[int] = []

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return self._ledger.folder

    def known(self) -> Sequence[Known]:
        """Return the points of the ledger, by number."""
        return [Known(number, entry.words) for number, entry in sorted(self._ledger.entries.items())]

    def place(self, plan: Plan) -> Placed:
        """Return the plan's number and folder, and its outcome if it has one that still holds."""
        words = words_of(plan)
        if self._labels.learn(words, plan.point.swept) and self._ledger.rows:
            self._ledger.replace_rows([self._labelled(row) for row in self._ledger.rows.values()])
        try:
            composed = self._compose(plan)
        except DlrunError as error:
            point = self._point(plan, self._entry(None, words), None)
            return Placed(point, self._keep(row_of_error(point.number, point.overrides, error, point.folder)))
        entry = self._entry(composed.config.sha256, words)
        standing = self._standing(entry, composed)
        if standing.is_done and not standing.changed:
            return Placed(self._point(plan, entry, composed), self._row(entry, standing))
        if standing.is_begun:
            entry = self._going_on(entry, standing)
        entry = dataclasses.replace(entry, config=composed.config.sha256, plugins=self._plugins)
        taken = None if standing.is_begun else self._taken_over(entry, composed)
        return Placed(self._point(plan, entry, composed), taken)

    def _compose(self, plan: Plan) -> Composed:
        """Return the plan's configuration, of a run that goes on with what its folder has."""
        composed = compose(plan, self._catalog)
        if self._adjust is not None:
            composed = self._adjust(composed)
        tree = {**composed.config.tree, "resume": "auto"}
        return dataclasses.replace(composed, config=dataclasses.replace(composed.config, resume="auto", tree=tree))

    def add(self, row: SweepRow) -> SweepRow:
        """Keep the outcome of a point, with what tells it from the others."""
        return self._keep(self._labelled(row))

    def _keep(self, row: SweepRow) -> SweepRow:
        if self._ledger.rows.get(row.point) != row:
            self._ledger.add_row(row)
        return row

    def _labelled(self, row: SweepRow) -> SweepRow:
        entry = self._ledger.entries.get(row.point)
        label = row.overrides if entry is None else list(self._labels.of(entry.words))
        return dataclasses.replace(row, overrides=label)

    def _entry(self, config: str | None, words: tuple[str, ...]) -> Entry:
        """Return the entry of a point: of the same configuration, of the same words, or a new one."""
        entry = self._waiting.take(config, words)
        if entry is not None:
            return dataclasses.replace(entry, words=words)
        number = self._ledger.new_number()
        return Entry(number, str(number), config, words, self._plugins)

    def _point(self, plan: Plan, entry: Entry, composed: Composed | None) -> Point:
        """Return a point, once the ledger has it."""
        self._ledger.record(entry)
        self.numbers.append(entry.point)
        return Point(entry.point, plan, self.folder / entry.folder, composed, self._labels.of(entry.words))

    def _standing(self, entry: Entry, composed: Composed) -> Standing:
        row = self._ledger.rows.get(entry.point)
        folder = self.folder / entry.folder
        if row is not None and row.reused is not None:
            folder = folder_of(self.folder, row)
        return self._judge.standing(entry, row, folder, composed.config)

    def _row(self, entry: Entry, standing: Standing) -> SweepRow:
        """Return the row of a point that is done; one that was lost is made from the point's result."""
        row = self._ledger.rows.get(entry.point)
        if row is None or row.status not in ("pruned", standing.result["status"]):
            row = row_of_result(entry.point, (), standing.result, self.folder / entry.folder)
        return self._keep(dataclasses.replace(row, overrides=list(self._labels.of(entry.words))))

    def _going_on(self, entry: Entry, standing: Standing) -> Entry:
        """Return the entry with the folder in which the point is trained: a new one if something changed."""
        folder = self.folder / entry.folder
        if standing.changed:
            new = next(path for path in numbered(self.folder / str(entry.point)) if not path.exists())
            self._tell_once(
                f"{standing.changed} changed",
                f"point {entry.point} is trained again, in {new}: since it was trained, this has changed: "
                f"{standing.changed}. {folder} stays as it is. So it is with every other point that this changes.",
            )
            return dataclasses.replace(entry, folder=new.name)
        plugins = self._judge.changed_plugins(entry)
        if plugins:
            what = f"{plugins} has changed since point {entry.point} began, which goes on with it all the same."
            self._tell_once(plugins, what)
        wait_until_free(folder / ".lock", patience_s=_PATIENCE_S)
        return entry

    def _taken_over(self, entry: Entry, composed: Composed) -> SweepRow | None:
        """Return the row of a point that an earlier run was trained to the same bytes as."""
        if self._earlier is None:
            return None
        found = self._earlier.find(composed.config, self._fingerprints, threads=self.threads())
        if isinstance(found, str):
            self._tell_once(found, found)
            return None
        folder, result = found
        what = f"point {entry.point} is taken over from {folder}; `reused` says so in the row of each such point."
        self._tell_once("taken over", what)
        row = row_of_result(entry.point, self._labels.of(entry.words), result, folder)
        return self._keep(dataclasses.replace(row, reused=str(folder)))


class _Waiting:
    """The points that a sweep's folder has and that no plan was found to be yet."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_config: dict[str, list[Entry]] = {}
        self._by_words: dict[tuple[str, ...], list[Entry]] = {}
        self._taken: set[int] = set()
        for entry in entries:
            self._by_words.setdefault(entry.words, []).append(entry)
            if entry.config is not None:
                self._by_config.setdefault(entry.config, []).append(entry)

    def take(self, config: str | None, words: tuple[str, ...]) -> Entry | None:
        """Return the first point of a configuration, or else of the same words, that was not taken yet."""
        found: list[Entry] = [*self._by_config.get(config or "", []), *self._by_words.get(words, [])]
        for entry in found:
            if entry.point not in self._taken:
                self._taken.add(entry.point)
                return entry
        return None


class _TellOnce:
    """Tells each notice once, by its reason."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._told = tell, set[str]()

    def __call__(self, reason: str, text: str) -> None:
        if text and reason not in self._told:
            self._told.add(reason)
            self._tell(text)
