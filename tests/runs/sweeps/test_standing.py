"""dlrun.runs.sweeps.standing: what is in a point's folder, judged (dlrun.runs.sweeps.going_on has the whole rules)."""

from __future__ import annotations

from pathlib import Path

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.identity import Fingerprints
from dlrun.runs.sweeps.ledger import Entry
from dlrun.runs.sweeps.standing import Judge, Standing


def test_a_point_without_a_result_is_new_or_under_way(tmp_path: Path) -> None:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["dataset=iris"], catalog), catalog)
    config = compose(plan, catalog).config
    judge = Judge({}, Fingerprints(catalog))
    entry = Entry(0, "0", config.sha256, ())
    assert judge.standing(entry, None, tmp_path, config) == Standing()
    (tmp_path / "config.yaml").write_text("")
    unfinished = {"status": "unfinished"}
    assert judge.standing(entry, None, tmp_path, config) == Standing(True, False, "", unfinished)
    other = Entry(0, "0", "other", ())
    assert judge.standing(other, None, tmp_path, config) == Standing(True, False, "its configuration", unfinished)
    unknown = Entry(0, "0", None, ())  # of a sweep that kept no ledger
    assert judge.standing(unknown, None, tmp_path, config) == Standing(True, False, "", unfinished)


def test_a_plugin_counts_as_changed_only_if_its_content_is_known_to_differ() -> None:
    judge = Judge({"mine.py": "new"}, Fingerprints(Catalog()))
    assert judge.changed_plugins(Entry(0, "0", None, (), {"mine.py": "old"})) == "the plugin mine.py"
    assert judge.changed_plugins(Entry(0, "0", None, (), {"mine.py": "new"})) == ""
    assert judge.changed_plugins(Entry(0, "0", None, (), {"other.py": "old"})) == ""
