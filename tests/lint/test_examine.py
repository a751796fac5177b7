from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Problem
from dlrun.lint import examine as module
from dlrun.lint.examine import Examiner
from dlrun.lint.finding import Finding
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.optim.device import Device
from dlrun.training.build import Components
from dlrun.training.loading import Loaded
from tests.lint.conftest import Examine

WORDS = ("dataset=iris", "model=mlp", "device=cpu", "device.threads=1")


def points(*words: str) -> list[Components | None]:
    """Examine every point of a sweep by one examiner; return what was built."""
    catalog = Catalog()
    plans = plan_runs(parse_overrides([*WORDS, *words], catalog, multirun=True), catalog)
    examiner = Examiner(catalog)
    return [examiner.examine(compose(plan, catalog)).components for plan in plans]


def test_data_is_loaded_once_for_points_that_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    real = module.load_data

    def load(config: RunConfig, catalog: Catalog, device: Device) -> Loaded:
        loaded.append(config.dataset.name)
        return real(config, catalog, device)

    monkeypatch.setattr(module, "load_data", load)
    points("optimizer.lr=0.1,0.2", "seed=0,1")
    assert loaded == ["iris"]
    points("dataset=iris,wine", "seed=0,1")
    assert loaded == ["iris", "iris", "wine"]


def test_a_point_is_examined_with_its_own_values() -> None:
    built = points("optimizer.lr=0.1,0.2", "dataset.split_seed=0,1")
    configs = [each.config for each in built if each is not None]
    values = [(config.optimizer_settings.lr, config.dataset_settings.split_seed) for config in configs]
    assert values == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1)]


def test_what_cannot_be_built_is_an_error(check: Examine) -> None:
    (found,) = check("dataset=iris", "model=cnn")
    assert (found.severity, found.key) == ("error", "model=cnn")
    assert "A CNN needs images" in found.message
    (found,) = check("dataset=table", "dataset.path=missing.csv", "dataset.target=y")
    assert (found.id, found.severity, found.key) == ("data", "error", "dataset")
    assert "missing.csv" in found.message


def test_a_batch_that_is_chosen_has_a_row_for_each_process(check: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.configuration.machine.cores", lambda: 2)
    (found,) = check("dataset=iris", "device=cpu", "model=mlp", "device.processes=17")
    assert (found.severity, found.key, found.fix) == ("error", "trainer.batch_size=16", "trainer.batch_size=17")
    assert found.message.startswith("17 processes share each batch (device.processes)")


def test_a_rule_adds_its_id_and_reason_and_deep_ones_run_only_when_asked(
    check: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(subject: Subject) -> Iterator[Problem]:
        yield Problem("seed", "Seven.", fix="seed=1")

    rules = (Rule("seven", "Because.", look), Rule("deep", "Why not.", look, deep=True))
    monkeypatch.setattr(module, "every_rule", lambda: rules)
    assert check("dataset=iris") == [Finding("seven", "warning", "seed", "Seven. Because.", "seed=1")]
    assert [found.id for found in check("dataset=iris", deep=True)] == ["seven", "deep"]


def test_rules_change_no_random_state(check: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(subject: Subject) -> Iterator[Problem]:
        torch.rand(100)
        return iter(())

    monkeypatch.setattr(module, "every_rule", lambda: ())
    check("dataset=iris")
    expected = torch.rand(1)
    monkeypatch.setattr(module, "every_rule", lambda: (Rule("draws", "It draws.", draw),))
    check("dataset=iris")
    assert torch.rand(1) == expected
