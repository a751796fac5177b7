from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.configuration import compose as module
from dlrun.configuration.check_request import check_hydra_overrides
from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import default_choices
from dlrun.errors import ConfigError, Problem
from tests.configuration.test_plan import wrong

RUN_HYDRA = module._run_hydra


def composed(*words: str, catalog: Catalog | None = None) -> Composed:
    catalog = catalog or Catalog()
    request = parse_overrides(words, catalog)
    (plan,) = plan_runs(request, catalog)
    return compose(plan, catalog, hydra_words=request.hydra)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_nothing_requested_is_the_defaults() -> None:
    run = composed()
    chosen = {**default_choices(), "optimizer": "adamw", "scheduler": "cosine"}  # those of model=cnn
    assert {group: run.config.tree[group]["name"] for group in default_choices()} == chosen
    assert run.config.tree["recipe"] == {"format": 1}
    assert run.config.trainer.eval_batch_size == 256
    assert run.config.seed == 0
    assert (run.origins, run.notices, run.recipe) == ({}, (), None)
    assert run.choices == chosen


def test_the_tree_is_in_the_order_of_conf_and_plain() -> None:
    tree = composed("model.channels=[4]").config.tree
    assert tree["model"]["channels"] == [4]
    assert type(tree["model"]) is dict
    assert type(tree["model"]["channels"]) is list
    assert "hydra" not in tree


def test_overrides_win_over_defaults() -> None:
    run = composed("model=mlp", "model.hidden=[7]", "trainer.early_stop.patience=2", "optimizer.lr=1e-4", "seed=3")
    assert run.config.model.name == "mlp"
    assert run.config.model["hidden"] == [7]
    assert run.config.trainer.early_stop.patience == 2
    assert run.config.optimizer_settings.lr == 1e-4
    assert run.origins["optimizer.lr"] == "override optimizer.lr=1e-4"


def test_a_recipe_wins_over_defaults_and_overrides_win_over_it() -> None:
    write(
        "mine.yaml",
        "model: {name: mlp, hidden: [5], dropout: 0.5}\n"
        "trainer: {epochs: 3, early_stop: {patience: 2, min_delta: 0.5}}\n",
    )
    run = composed("recipe=mine.yaml", "model.dropout=0.25", "trainer.early_stop={patience: 4}")
    assert run.config.model.name == "mlp"
    assert run.config.model["hidden"] == [5]
    assert run.config.model["dropout"] == 0.25
    assert run.config.trainer.epochs == 3
    assert (run.config.trainer.early_stop.patience, run.config.trainer.early_stop.min_delta) == (4, 0.5)
    assert run.origins["model.hidden"] == "recipe mine.yaml"
    assert run.origins["trainer.early_stop.patience"] == "override trainer.early_stop={patience: 4}"
    assert run.origins["trainer.early_stop.min_delta"] == "recipe mine.yaml"
    assert run.notices == ()


def test_a_replaced_option_drops_the_recipes_fields_with_a_notice() -> None:
    write("mine.yaml", "model: {name: cnn, kernel: 5}\noptimizer: {name: adam, lr: 0.5}\n")
    run = composed("recipe=mine.yaml", "model=mlp", "optimizer=adam")
    assert run.notices == ("model=mlp replaces the recipe's model cnn and its fields.",)
    assert "kernel" not in run.config.tree["model"]
    assert run.config.optimizer_settings.lr == 0.5


def test_a_recipes_fields_without_a_name_go_with_any_option() -> None:
    write("mine.yaml", "device: {threads: 2}\n")
    run = composed("recipe=mine.yaml", "device=cpu")
    assert (run.config.device_name, run.config.device_settings.threads, run.notices) == ("cpu", 2, ())


def test_a_run_is_a_recipe_of_itself() -> None:
    import yaml

    run = composed("model=mlp", "model.hidden=[5]", "device=cpu", "trainer.early_stop.patience=3", "metric='1e3'")
    write("again.yaml", yaml.safe_dump(dict(run.config.tree)).replace("metric: 1e3", "metric: '1e3'"))
    again = composed("recipe=./again.yaml")
    assert again.config.tree == run.config.tree
    assert again.config.sha256 == run.config.sha256


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("seed=1", False),
        ("trainer.epochs=1", False),
        ("device=cpu", True),
        ("dataset.root=/x", True),
        ("checkpoint.keep=1", True),
        ("trainer.workers=1", True),
    ],
)
def test_a_promise_holds_until_something_decisive_changes(word: str, kept: bool) -> None:
    write(
        "mine.yaml",
        "recipe: {format: 1, title: T, command: c, expect: {test/accuracy: [0, 1]}}\ndataset: {name: mnist}\n",
    )
    about = composed("recipe=mine.yaml", word).config.tree["recipe"]
    assert about["title"] == "T"
    assert ("expect" in about, "command" in about) == (kept, kept)


@pytest.mark.parametrize(("own", "kept"), [("", True), (', path: "???"', True), (", path: a.csv", False)])
def test_naming_the_file_that_a_recipe_leaves_to_its_user_keeps_its_promise(own: str, kept: bool) -> None:
    block = "recipe: {format: 1, expect: {test/accuracy: [0, 1]}, meaning: M, seeds: [1], losses: {loss: [1.0]}}\n"
    write("mine.yaml", f"{block}dataset: {{name: text{own}}}\n")
    about = composed("recipe=mine.yaml", "dataset.path=b.csv").config.tree["recipe"]
    assert [key in about for key in ("expect", "meaning", "seeds", "losses")] == [kept] * 4


def test_an_interpolation_of_the_users_own_is_resolved() -> None:
    run = composed("seed=7", "dataset.limit=${seed}", "metric=${model.name}")
    assert (run.config.dataset_settings.limit, run.config.metric) == (7, "cnn")


def test_an_interpolation_to_a_bad_value_is_reported_after_composing() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("dataset.limit=${model.name}")
    assert caught.value.problems == [
        Problem("dataset.limit", 'Expected a whole number from 1 to 1000000000 or null, got "cnn".')
    ]


def test_an_interpolation_to_nothing_is_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("dataset.limit=${nothing}")
    assert str(caught.value).startswith("Cannot compose the configuration: Interpolation key 'nothing' not found")


def test_the_runs_folder_can_be_named() -> None:
    run = composed("hydra.run.dir=there/x")
    assert (run.run_dir, run.run_dir_asked) == ("there/x", True)
    assert run.config == composed().config
    default = composed("model=mlp")
    assert default.run_dir.endswith("_digits_mlp")
    assert default.run_dir.startswith("outputs/")
    assert not default.run_dir_asked


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("hydra.rnu.dir=x", 'Hydra has no key "hydra.rnu.dir". Did you mean "hydra.run.dir"?'),
        ("hydra/lancher=x", 'Hydra has no key "hydra/lancher". Did you mean "hydra.launcher"?'),
        ("+hydra.zzz=x", 'Hydra has no key "hydra.zzz". Choose from: hydra.callbacks, hydra.env, hydra.help, '
         "hydra.hydra_help, hydra.hydra_logging, hydra.job, hydra.job_logging, hydra.launcher, hydra.mode, "
         "hydra.output_subdir, hydra.overrides, hydra.run, hydra.runtime, hydra.searchpath, hydra.sweep, "
         "hydra.sweeper, hydra.verbose."),
    ],
)  # fmt: skip
def test_a_mistyped_key_of_hydra_is_reported(word: str, message: str) -> None:
    assert check_hydra_overrides([word]) == [Problem(word, message)]
    with pytest.raises(ConfigError, match="Hydra has no key"):
        composed(word)


def test_right_keys_of_hydra_are_let_pass() -> None:
    assert check_hydra_overrides(["hydra.run.dir=x", "hydra/launcher=basic", "++hydra.job.name=y"]) == []


def test_a_mistake_deeper_in_hydras_node_is_reported_by_hydra() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("hydra.run.dri=x")
    assert str(caught.value).startswith("Cannot compose the configuration: ")
    assert "dri" in str(caught.value)


def test_a_preset_of_the_users_own_is_composed() -> None:
    write("presets/trainer/fast.yaml", "name: default\nepochs: 1\nearly_stop: {patience: 3}\n")
    catalog = Catalog(config_dirs=[Path("presets")])
    run = composed("trainer=fast", "trainer.batch_size=8", catalog=catalog)
    assert (run.config.trainer.epochs, run.config.trainer.batch_size, run.config.trainer.accumulate) == (1, 8, 1)
    assert run.choices["trainer"] == "fast"
    assert wrong("trainer=fast", "trainer.epoch=3", catalog=catalog) == [
        ("trainer.epoch=3", 'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?')
    ]


def test_an_unknown_key_in_a_preset_is_reported() -> None:
    write("presets/trainer/fast.yaml", "name: default\nepoch: 1\n")
    with pytest.raises(ConfigError) as caught:
        composed("trainer=fast", catalog=Catalog(config_dirs=[Path("presets")]))
    assert caught.value.problems == [
        Problem("trainer.epoch", 'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?')
    ]


def test_a_plugins_option_is_composed_with_its_defaults() -> None:
    path = write("tiny.py", "def tiny(spec, *, width: int, depth: int = 2):\n    raise RuntimeError\n")
    catalog = Catalog(plugins=[path])
    run = composed("model=tiny", "model.width=8", catalog=catalog)
    assert run.config.model.arguments == {"width": 8, "depth": 2}
    assert list(run.config.tree["recipe"]["plugins"]) == ["tiny.py"]
    assert len(run.config.tree["recipe"]["plugins"]["tiny.py"]) == 64
    missing = ("model.width", "This field is required; set model.width=...")
    assert wrong("model=tiny", catalog=catalog) == [missing]
    with pytest.raises(ConfigError) as caught:
        composed("model=tiny", catalog=catalog)
    assert [(problem.where, problem.message) for problem in caught.value.problems] == [missing]


def test_a_plugins_dataset_has_the_settings_of_every_dataset() -> None:
    catalog = Catalog(plugins=[write("rows.py", "def rows(*, count: int = 3): ...\n")])
    run = composed("dataset=rows", "dataset.limit=5", catalog=catalog)
    assert run.config.dataset.arguments == {"count": 3}
    assert (run.config.dataset_settings.limit, run.config.dataset_settings.val_fraction) == (5, 0.1)


def test_what_a_recipe_sweeps_is_set_and_breaks_its_promise() -> None:
    write("mine.yaml", "recipe: {format: 1, expect: {test/a: [0, 1]}}\nsweep: {seed: [4]}\n")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["recipe=mine.yaml"], catalog, multirun=True), catalog)
    run = compose(plan, catalog)
    assert run.config.seed == 4
    assert run.origins["seed"] == "sweep seed=4 of recipe mine.yaml"
    assert "expect" not in run.config.tree["recipe"]


def test_composing_what_is_wrong_is_refused_with_all_of_it() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("seed=x", "trainer.epochs=y", "hydra.rnu.dir=z")
    assert [problem.where for problem in caught.value.problems] == ["hydra.rnu.dir=z", "seed=x", "trainer.epochs=y"]


def test_hydra_composes_within_a_hydra_job_too() -> None:
    from hydra import initialize_config_dir

    from dlrun.configuration.schema import groups as schema

    with initialize_config_dir(str(schema.resource_dir("conf").resolve()), version_base="1.3", job_name="outer"):
        assert composed("seed=5").config.seed == 5


def test_awkward_texts_reach_the_configuration_as_they_were() -> None:
    awkward = "a\"b\\'c, {x: [1]}=#é"
    write("mine.yaml", f"metric: '{awkward.replace(chr(39), chr(39) * 2)}'\n")
    assert composed("recipe=mine.yaml").config.metric == awkward


def test_installed_packages_are_searched_only_if_an_option_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, group: str) -> None:
        raise AssertionError(f"searched for {group}")

    monkeypatch.setattr("importlib.metadata.entry_points", fail)
    assert composed("model=mlp", "optimizer.lr=0.5").config.model.name == "mlp"
    with pytest.raises(AssertionError, match=r"searched for dlrun\.options"):
        composed("model=not_there")


AWKWARD = (
    "metric='a \"b\" c\\x'", "model.channels=[4,8]", "trainer.early_stop={patience: 2}", "dataset.augment.flip=true",
    "trainer.epochs=null", "trainer.max_steps=5", "dataset.limit=${trainer.max_steps}", "optimizer.lr=1e-3",
    "checkpoint.every_steps=${trainer.max_steps}", "trainer.clip_norm=2", "device=cpu", "device.precision=bf16",
)  # fmt: skip


def test_the_points_of_a_sweep_share_the_composition_of_their_options(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog()
    words = [*AWKWARD, "seed=range(0,3)", "loss=auto,cross_entropy"]
    plans = plan_runs(parse_overrides(words, catalog, multirun=True), catalog)
    alone = [compose(replace(plan, point=replace(plan.point, swept=())), catalog) for plan in plans]
    calls = []
    run_hydra = module._run_hydra

    def counted(words: Sequence[str], defaults: Sequence[tuple[str, str, str]]) -> Any:
        calls.append(words)
        return run_hydra(words, defaults)

    monkeypatch.setattr(module, "_run_hydra", counted)
    module._compose_options.cache_clear()
    together = [compose(plan, catalog) for plan in plans]
    assert [run.config for run in together] == [run.config for run in alone]
    assert [run.config.seed for run in together] == [0, 0, 1, 1, 2, 2]
    assert [type(run.config.trainer.clip_norm) for run in together] == [int] * 6
    of_cnn = ("optimizer=adamw", "scheduler=cosine")
    assert calls == [("device=cpu", "loss=auto", *of_cnn), ("device=cpu", "loss=cross_entropy", *of_cnn)]


def test_a_plugin_with_other_defaults_is_composed_anew_in_a_sweep() -> None:
    widths = []
    for width in (3, 4):
        catalog = Catalog(plugins=[write(f"{width}/tiny.py", f"def tiny(spec, *, width: int = {width}): ...\n")])
        plans = plan_runs(parse_overrides(["model=tiny", "seed=1,2"], catalog, multirun=True), catalog)
        widths += [compose(plan, catalog).config.model["width"] for plan in plans]
    assert widths == [3, 3, 4, 4]


@given(st.from_regex(r"/?[\w./-]{1,12}", fullmatch=True))
@settings(deadline=None, max_examples=100)
def test_a_folder_that_is_named_plainly_is_read_as_hydra_reads_it(folder: str) -> None:
    found = module._named_folder([f"hydra.run.dir={folder}"])
    if found is not None:
        value = OverridesParser.create().parse_override(f"hydra.run.dir={folder}").value()
        assert (found, type(value)) == (value, str)


@pytest.mark.parametrize(
    "folder", ["run", "/tmp/a_b-1/run.2", "x/true", "True_", "../run", "1e3", "null", "Inf", "a b", ""]
)
def test_only_a_plain_name_of_a_folder_does_without_hydra(folder: str) -> None:
    plain = folder in ("run", "/tmp/a_b-1/run.2", "x/true", "True_")
    assert (module._named_folder([f"hydra.run.dir={folder}"]) == folder) is plain
    assert module._named_folder([f"hydra.run.dir={folder}", "hydra.verbose=true"]) is None


def test_a_folder_that_is_named_plainly_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [word for word in AWKWARD if "{" not in word]  # what is set after composing
    called = []
    monkeypatch.setattr(module, "_run_hydra", lambda *given: called.append(given) or RUN_HYDRA(*given))
    module._compose_plain.cache_clear()
    module._compose_options.cache_clear()
    named = composed(*words, "hydra.run.dir=there")
    assert composed(*words, "seed=4", "hydra.run.dir=elsewhere").run_dir == "elsewhere"
    assert len(called) == 1
    monkeypatch.setattr(module, "_named_folder", lambda words: None)  # Hydra reads it
    assert composed(*words, "hydra.run.dir=there") == named


def test_hydras_own_overrides_may_name_the_values_of_a_point() -> None:
    catalog = Catalog()
    request = parse_overrides(["seed=1,2", "hydra.run.dir=x/${hydra.job.override_dirname}"], catalog, multirun=True)
    folders = [compose(plan, catalog, hydra_words=request.hydra).run_dir for plan in plan_runs(request, catalog)]
    assert folders == [f"x/++seed={seed},optimizer=adamw,scheduler=cosine" for seed in (1, 2)]
