from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.auto import RULES
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.provenance import explain_origin, format_place
from dlrun.configuration.schema import groups as schema
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem


def explained(key: str, *words: str, catalog: Catalog | None = None, multirun: bool = False) -> str:
    catalog = catalog or Catalog()
    request = parse_overrides(words, catalog, multirun=multirun)
    run = compose(plan_runs(request, catalog)[0], catalog, hydra_words=request.hydra)
    return explain_origin(key, run, catalog)


def line(path: str, starts: str) -> str:
    """A file of dlrun's own and the line that begins so, counted by hand."""
    lines = (schema.resource_dir("conf").parent / path).read_text(encoding="utf-8").splitlines()
    return f"{path}:{next(number for number, text in enumerate(lines, 1) if text.startswith(starts))}"


def test_a_default_is_reported_with_its_options_file_and_line() -> None:
    assert explained("model.kernel") == "model.kernel = 3: default of model=cnn in conf/model/cnn.yaml:4"
    assert (
        explained("optimizer.eps", "model=mlp")
        == "optimizer.eps = 1e-08: default of optimizer=adam in conf/optimizer/adam.yaml:6"
    )
    where = line("conf/trainer/default.yaml", "  min_delta:")
    assert (
        explained("trainer.early_stop.min_delta")
        == f"trainer.early_stop.min_delta = 0.0: default of trainer=default in {where}"
    )


def test_what_auto_means_is_said() -> None:
    where = line("conf/optimizer/adamw.yaml", "lr:")
    rule = RULES["optimizer.lr"].text
    assert explained("optimizer.lr") == f'optimizer.lr = "auto": default of optimizer=adamw in {where}; auto is {rule}'
    said = explained("trainer.batch_size", "trainer.batch_size=auto")
    rule = RULES["trainer.batch_size"].text
    assert said == f'trainer.batch_size = "auto": override trainer.batch_size=auto; auto is {rule}'
    assert "auto is" not in explained("trainer.batch_size", "trainer.batch_size=8")


def test_a_default_that_depends_on_another_choice_is_reported_with_it() -> None:
    where = line("conf/default_options.yaml", "  wine:")
    assert explained("model", "dataset=wine") == f"model = tabular: default for dataset=wine in {where}"
    assert explained("optimizer", "dataset=wine").startswith("optimizer = adamw: default for model=tabular in conf/")
    assert explained("model", "dataset=wine", "model=mlp") == "model = mlp: override model=mlp"
    assert explained("optimizer", "dataset=wine", "model=mlp").startswith(
        "optimizer = adam: default in conf/config.yaml:"
    )


def test_a_default_that_depends_on_a_field_too_is_reported_with_it() -> None:
    where = line("conf/default_options.yaml", "  text dataset.task=language:")
    words = ("dataset=text", "dataset.path=x.txt", "dataset.task=language")
    assert (
        explained("model", *words) == f"model = transformer: default for dataset=text dataset.task=language in {where}"
    )
    assert explained("optimizer", *words).startswith("optimizer = adam: default in conf/config.yaml:")


def test_a_shared_default_is_reported_with_the_base_files_line() -> None:
    where = line("conf/dataset/_base.yaml", "val_fraction:")
    assert explained("dataset.val_fraction") == f"dataset.val_fraction = 0.1: default of dataset=digits in {where}"
    where = line("conf/dataset/_images.yaml", "  flip:")
    assert explained("dataset.augment.flip") == f"dataset.augment.flip = false: default of dataset=digits in {where}"
    where = line("conf/dataset/diabetes.yaml", "standardise_target:")
    assert explained("dataset.standardise_target", "dataset=diabetes") == (
        f"dataset.standardise_target = true: default of dataset=diabetes in {where}"
    )


def test_a_top_level_key_is_reported_with_the_root_files_line() -> None:
    assert explained("seed") == f"seed = 0: default in {line('conf/config.yaml', 'seed:')}"


@pytest.mark.parametrize("key", ["model", "model.name"])
def test_a_default_choice_is_reported_with_the_root_files_line(key: str) -> None:
    assert explained(key) == f"model = cnn: default in {line('conf/config.yaml', '  - model:')}"


def test_an_override_is_reported_as_it_was_written() -> None:
    words = ("model=mlp", "model.hidden=[5]", "optimizer.lr=1e-2", "seed=${trainer.eval_batch_size}")
    assert explained("model", *words) == "model = mlp: override model=mlp"
    assert explained("model.hidden", *words) == "model.hidden = [5]: override model.hidden=[5]"
    assert explained("optimizer.lr", *words) == "optimizer.lr = 0.01: override optimizer.lr=1e-2"
    assert explained("seed", *words) == "seed = 256: override seed=${trainer.eval_batch_size}"
    assert explained("model.init", *words).startswith(
        'model.init = "default": default of model=mlp in conf/model/mlp.yaml:'
    )


def test_only_what_an_overridden_mapping_contains_comes_from_it() -> None:
    patience, delta = explained("trainer.early_stop", "trainer.early_stop={patience: 3}").splitlines()
    assert patience == "trainer.early_stop.patience = 3: override trainer.early_stop={patience: 3}"
    assert delta.startswith(
        "trainer.early_stop.min_delta = 0.0: default of trainer=default in conf/trainer/default.yaml:"
    )


def test_a_recipes_value_is_reported_with_its_line() -> None:
    Path("mine.yaml").write_text(
        "model:\n  name: mlp\n  hidden: [5]\ntrainer: {epochs: 2,\n  early_stop: {patience: 2}}\nseed: 3\n"
    )
    for key, said in {
        "model": "model = mlp: recipe mine.yaml:2",
        "model.hidden": "model.hidden = [5]: recipe mine.yaml:3",
        "trainer.epochs": "trainer.epochs = 2: recipe mine.yaml:4",
        "trainer.early_stop.patience": "trainer.early_stop.patience = 2: recipe mine.yaml:5",
        "seed": "seed = 3: recipe mine.yaml:6",
    }.items():
        assert explained(key, "recipe=mine.yaml") == said
    assert explained("seed", "recipe=mine.yaml", "seed=4") == "seed = 4: override seed=4"


def test_what_a_recipe_sweeps_is_reported() -> None:
    Path("mine.yaml").write_text("sweep: {seed: [4, 5]}\n")
    assert explained("seed", "recipe=mine.yaml", multirun=True) == "seed = 4: sweep seed=4 of recipe mine.yaml"


def test_a_plugins_default_is_reported_with_its_signatures_line() -> None:
    path = Path("tiny.py")
    path.write_text("def tiny(\n    spec,\n    *,\n    width: int = 3,\n): ...\n")
    catalog = Catalog(plugins=[path])
    assert (
        explained("model.width", "model=tiny", catalog=catalog)
        == f"model.width = 3: default of model=tiny in {path.resolve()}:4"
    )


def test_what_a_plugins_dataset_shares_with_all_is_reported_with_the_settings_line() -> None:
    Path("rows.py").write_text("def rows(*, count: int = 3): ...\n")
    catalog = Catalog(plugins=[Path("rows.py")])
    where = line("dlrun/configuration/schema/settings.py", "    limit:")
    assert (
        explained("dataset.limit", "dataset=rows", catalog=catalog)
        == f"dataset.limit = null: default of dataset=rows in {where}"
    )


def test_a_presets_value_is_reported_with_its_file_and_the_rest_with_its_options() -> None:
    Path("presets/trainer").mkdir(parents=True)
    Path("presets/trainer/fast.yaml").write_text("name: default\nepochs: 1\n")
    catalog = Catalog(config_dirs=[Path("presets")])
    own = Path("presets/trainer/fast.yaml").resolve()
    assert explained("trainer", "trainer=fast", catalog=catalog) == "trainer = fast: override trainer=fast"
    assert (
        explained("trainer.epochs", "trainer=fast", catalog=catalog)
        == f"trainer.epochs = 1: default of trainer=fast in {own}:2"
    )
    where = line("conf/trainer/default.yaml", "eval_batch_size:")
    assert (
        explained("trainer.eval_batch_size", "trainer=fast", catalog=catalog)
        == f"trainer.eval_batch_size = 256: default of trainer=fast in {where}"
    )


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("model.kernl", 'Did you mean "model.kernel"?'),
        ("lr", 'Did you mean "optimizer.lr"?'),
        ("modle", 'Did you mean "model"?'),
        ("trainer.early_stp", 'Did you mean "trainer.early_stop"?'),
    ],
)
def test_a_key_that_does_not_exist_is_reported_with_the_nearest(key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        explained(key)
    assert caught.value.problems == [Problem(f"--why {key}", f'Unknown key "{key}". {hint}')]


def test_every_key_of_the_defaults_has_a_place() -> None:
    for group in schema.GROUPS:
        for said in explained(f"{group}").splitlines():
            where = "for model=cnn in conf/default_options" if group in ("optimizer", "scheduler") else "in conf/config"
            assert f": default {where}.yaml:" in said
    catalog = Catalog()
    run = compose(plan_runs(parse_overrides([], catalog), catalog)[0], catalog)
    for group, node in run.config.tree.items():
        if group not in schema.GROUPS:
            continue
        for key in node:
            if key != "name":
                assert all(
                    f"in conf/{group}/" in said for said in explain_origin(f"{group}.{key}", run, catalog).splitlines()
                )


def test_a_place_outside_is_reported_in_full_and_made_visible() -> None:
    assert format_place(Path("/x/a\x1b.yaml"), 3) == "/x/a\\x1b.yaml:3"
    assert format_place(Path("/x/a.yaml"), None) == "/x/a.yaml"
