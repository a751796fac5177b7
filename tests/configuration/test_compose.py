from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlrun.configuration.check import check_hydra
from dlrun.configuration.compose import Composed, check_request, compose, plan, points
from dlrun.configuration.overrides import parse
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import default_choices
from dlrun.errors import ConfigError, Problem


def composed(*words: str, catalog: Catalog | None = None) -> Composed:
    catalog = catalog or Catalog()
    request = parse(words, catalog)
    (point,) = points(request, catalog)
    return compose(plan(point, catalog), catalog, hydra_words=request.hydra)


def wrong(*words: str, multirun: bool = False, catalog: Catalog | None = None) -> list[tuple[str, str]]:
    catalog = catalog or Catalog()
    request = parse(words, catalog, multirun=multirun)
    return [(problem.where, problem.message) for problem in check_request(request, catalog)]


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_nothing_asked_for_is_the_defaults() -> None:
    run = composed()
    assert {group: run.config.tree[group]["name"] for group in default_choices()} == dict(default_choices())
    assert run.config.tree["recipe"] == {"format": 1}
    assert run.config.trainer.epochs == 10
    assert run.config.seed == 0
    assert (run.origins, run.notices, run.recipe) == ({}, (), None)
    assert run.choices == default_choices()


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
    assert run.config.optimizing.lr == 1e-4
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
    assert run.config.optimizing.lr == 0.5


def test_a_recipes_fields_without_a_name_go_with_any_option() -> None:
    write("mine.yaml", "device: {threads: 2}\n")
    run = composed("recipe=mine.yaml", "device=cpu")
    assert (run.config.device_name, run.config.device.threads, run.notices) == ("cpu", 2, ())


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
    ],
)
def test_a_promise_stands_until_something_decisive_changes(word: str, kept: bool) -> None:
    write(
        "mine.yaml",
        "recipe: {format: 1, title: T, command: c, expect: {test/accuracy: [0, 1]}}\ndataset: {name: mnist}\n",
    )
    about = composed("recipe=mine.yaml", word).config.tree["recipe"]
    assert about["title"] == "T"
    assert ("expect" in about, "command" in about) == (kept, kept)


def test_an_interpolation_of_the_users_own_is_resolved() -> None:
    run = composed("seed=7", "dataset.limit=${seed}", "metric=${model.name}")
    assert (run.config.data.limit, run.config.metric) == (7, "cnn")


def test_an_interpolation_to_a_bad_value_is_told_after_composing() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("dataset.limit=${model.name}")
    assert caught.value.problems == [
        Problem("dataset.limit", 'Expected a whole number from 1 to 1000000000 or null, got "cnn".')
    ]


def test_an_interpolation_to_nothing_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("dataset.limit=${nothing}")
    assert str(caught.value).startswith("The configuration cannot be composed: Interpolation key 'nothing' not found")


def test_the_runs_folder_can_be_named() -> None:
    run = composed("hydra.run.dir=there/x")
    assert (run.run_dir, run.run_dir_asked) == ("there/x", True)
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
def test_a_mistyped_key_of_hydra_is_told(word: str, message: str) -> None:
    assert check_hydra([word]) == [Problem(word, message)]
    with pytest.raises(ConfigError, match="Hydra has no key"):
        composed(word)


def test_right_keys_of_hydra_are_let_pass() -> None:
    assert check_hydra(["hydra.run.dir=x", "hydra/launcher=basic", "++hydra.job.name=y"]) == []


def test_a_mistake_deeper_in_hydras_node_is_told_by_hydra() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("hydra.run.dri=x")
    assert str(caught.value).startswith("The configuration cannot be composed: ")
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


def test_an_unknown_key_in_a_preset_is_told() -> None:
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
    missing = ("model.width", "It has no default; give it: model.width=...")
    assert wrong("model=tiny", catalog=catalog) == [missing]
    with pytest.raises(ConfigError) as caught:
        composed("model=tiny", catalog=catalog)
    assert [(problem.where, problem.message) for problem in caught.value.problems] == [missing]


def test_a_plugins_dataset_has_the_settings_of_every_dataset() -> None:
    catalog = Catalog(plugins=[write("rows.py", "def rows(*, count: int = 3): ...\n")])
    run = composed("dataset=rows", "dataset.limit=5", catalog=catalog)
    assert run.config.dataset.arguments == {"count": 3}
    assert (run.config.data.limit, run.config.data.val_fraction) == (5, 0.1)


def test_every_mistake_is_told_at_once() -> None:
    assert wrong(
        "foo", "seed=1,2", "modle=cnn", "trainer.epoch=3", "optimizer.lr=fast", "hydra.rnu.dir=x", "model=cn"
    ) == [
        ("foo", "Expected KEY=VALUE. `dlrun --help` shows the commands."),
        ("seed=1,2", "Several values make a sweep: add -m. A list is written [1,2]."),
        ("hydra.rnu.dir=x", 'Hydra has no key "hydra.rnu.dir". Did you mean "hydra.run.dir"?'),
        ("model=cn", 'There is no model "cn". Did you mean "cnn"?'),
        ("modle=cnn", 'There is no key "modle". Did you mean "model"?'),
        ("trainer.epoch=3", 'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?'),
        ("optimizer.lr=fast", 'Expected a number above 0, at most 1000, got "fast".'),
    ]


def test_a_request_without_mistakes_has_no_problems() -> None:
    assert wrong("model=mlp", "model.hidden=[3]", "seed=${oc.env:SEED}", "hydra.run.dir=x") == []


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("recipe=3", "Expected a recipe's name or file, got 3."),
        ("recipe=[a,b]", 'Expected a recipe\'s name or file, got ["a", "b"].'),
        ("recipe=${seed}", 'Expected a recipe\'s name or file, got "${seed}".'),
        ("recipe=./no.yaml", "There is no such file."),
        ("epochs=3", 'There is no key "epochs". Did you mean "trainer.epochs"?'),
        ("batch_size=8", 'There is no key "batch_size". Did you mean "trainer.batch_size"?'),
        ("lr=0.1", 'There is no key "lr". Did you mean "optimizer.lr"?'),
        ("optimiser.lr=0.1", 'There is no key "optimiser.lr". Did you mean "optimizer.lr"?'),
        ("optimizer=ADAM", 'There is no optimizer "ADAM". Did you mean "adam"?'),
        (
            "model.padding=smae",
            'Expected one of same, valid or a whole number from 0 to 31, got "smae". Did you mean "same"?',
        ),
        (
            "trainer.early_stop.patince=3",
            'trainer.early_stop has no field "patince". Did you mean "trainer.early_stop.patience"?',
        ),
        ("trainer.epochs.x=3", "trainer.epochs is a single value; it has no fields."),
        ("checkpoint=null", "Expected the name of an option of checkpoint, got null. Choose from: default."),
        ("model={name:cnn}", 'Expected the name of an option of model, got {name: "cnn"}.'),
    ],
)
def test_a_mistake_is_told_with_the_nearest_right_name(word: str, message: str) -> None:
    ((where, told),) = wrong(word)
    assert where == word
    assert told == message if not word.startswith("model={") else told.startswith(message)


def test_a_mistake_in_a_recipe_is_told_with_its_name_beside_those_of_the_words() -> None:
    write("mine.yaml", "model: {name: mlp, kernel: 3}\nseed: x\n")
    assert wrong("recipe=mine.yaml", "trainer.epoch=3", "model.hidden=[3]") == [
        ("recipe=mine.yaml: model.kernel", 'The model "mlp" has no field "kernel". Choose from: model.activation, '
         "model.dropout, model.hidden, model.init, model.norm."),
        ("recipe=mine.yaml: seed", 'Expected a whole number from 0 to 4294967295, got "x".'),
        ("trainer.epoch=3", 'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?'),
    ]  # fmt: skip
    write("mine.yaml", "seed: [\n")
    ((where, message),) = wrong("recipe=mine.yaml")
    assert where == "recipe=mine.yaml"
    assert message.startswith("mine.yaml:2: not valid YAML: ")


def test_words_are_held_against_the_recipes_options() -> None:
    write("mine.yaml", "model: {name: mlp}\n")
    assert wrong("recipe=mine.yaml", "model.hidden=[3]") == []
    assert wrong("recipe=mine.yaml", "model=cnn", "model.hidden=[3]", "model.kernel=3") == []
    ((where, _),) = wrong("recipe=mine.yaml", "model.kernel=3")
    assert where == "model.kernel=3"


@pytest.mark.parametrize("words", [["trainer.epochs=null"], ["recipe=mine.yaml"]])
def test_contradictions_are_told_without_composing(words: list[str]) -> None:
    write("mine.yaml", "trainer: {epochs: null}\n")
    both = ("trainer.epochs", "Set trainer.epochs or trainer.max_steps; with both null training never ends.")
    assert wrong(*words) == [both]
    assert wrong(*words, "trainer.max_steps=3") == []


def test_a_sweep_is_checked_at_every_point_and_tells_a_mistake_once() -> None:
    assert wrong("seed=0,1,x", "trainer.epochs=3,null", "model=cnn,mlp,cn", multirun=True) == [
        ("model=cn", 'There is no model "cn". Did you mean "cnn"?'),
        ("seed=x", 'Expected a whole number from 0 to 4294967295, got "x".'),
    ]
    assert [where for where, _ in wrong("seed=0,1", "trainer.epochs=3,null", multirun=True)] == ["trainer.epochs"]


def test_a_wrong_key_is_told_once_whatever_its_values() -> None:
    assert [where for where, _ in wrong("trainer.epoch=1,2", "nothing=1,2", multirun=True)] == [
        "trainer.epoch=1",
        "nothing=1",
    ]


def test_an_interpolation_in_a_sweep_is_left_until_composing() -> None:
    assert wrong("seed=1,${trainer.epochs}", "dataset.limit=${seed}", multirun=True) == []
    assert [where for where, _ in wrong("nothing=${seed}")] == ["nothing=${seed}"]


def test_a_field_must_fit_every_option_that_is_swept() -> None:
    ((where, message),) = wrong("model=cnn,mlp", "model.kernel=3", multirun=True)
    assert where == "model.kernel=3"
    assert message.startswith('The model "mlp" has no field "kernel".')


def test_too_many_points_are_told() -> None:
    assert wrong("seed=range(0,1000)", "dataset.split_seed=range(0,101)", multirun=True) == [
        ("-m", "The sweep has 101,000 points; at most 100,000 are allowed.")
    ]


def test_a_thousand_points_are_checked_at_once() -> None:
    catalog = Catalog()
    words = ["seed=range(0,250)", "optimizer.lr=1e-3,1e-4", "model=cnn,mlp"]
    request = parse(words, catalog, multirun=True)
    assert request.num_points() == 1000
    check_request(parse(["seed=0"], catalog), catalog)  # reads the files
    start = time.perf_counter()
    assert check_request(request, catalog) == []
    assert time.perf_counter() - start < 0.5


def test_a_mistake_is_told_without_importing_torch_or_hydra() -> None:
    code = (
        "import sys; from dlrun.configuration.overrides import parse\n"
        "from dlrun.configuration.schema.catalog import Catalog\n"
        "from dlrun.configuration.compose import check_request\n"
        "c = Catalog()\n"
        "for p in check_request(parse(['modle=cnn', 'trainer.epoch=3', 'optimizer.lr=fast'], c), c): print(p.message)\n"
        "print('torch' in sys.modules, 'hydra' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        'There is no key "modle". Did you mean "model"?',
        'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?',
        'Expected a number above 0, at most 1000, got "fast".',
        "False False",
    ]


def labels(*words: str, multirun: bool = True) -> list[str]:
    catalog = Catalog()
    return [point.label for point in points(parse(words, catalog, multirun=multirun), catalog)]


def test_a_recipe_sweeps_under_m_only() -> None:
    write("mine.yaml", "sweep: {seed: [0, 1], optimizer.lr: [0.1, 0.2]}\n")
    assert labels("recipe=mine.yaml") == [
        "seed=0 optimizer.lr=0.1", "seed=0 optimizer.lr=0.2", "seed=1 optimizer.lr=0.1", "seed=1 optimizer.lr=0.2",
    ]  # fmt: skip
    assert labels("recipe=mine.yaml", "seed=5") == ["optimizer.lr=0.1", "optimizer.lr=0.2"]
    assert labels("recipe=mine.yaml", multirun=False) == [""]


def test_each_of_several_recipes_sweeps_its_own() -> None:
    write("one.yaml", "sweep: {seed: [0, 1]}\n")
    write("two.yaml", "seed: 3\n")
    assert labels("recipe=./one.yaml,./two.yaml") == [
        "seed=0 recipe=./one.yaml",
        "seed=1 recipe=./one.yaml",
        "recipe=./two.yaml",
    ]
    assert labels("recipe=./two.yaml,null", "seed=1,2") == [
        "recipe=./two.yaml seed=1", "recipe=./two.yaml seed=2", "recipe=null seed=1", "recipe=null seed=2",
    ]  # fmt: skip


def test_what_a_recipe_sweeps_is_set_and_breaks_its_promise() -> None:
    write("mine.yaml", "recipe: {format: 1, expect: {a: [0, 1]}}\nsweep: {seed: [4]}\n")
    catalog = Catalog()
    (point,) = points(parse(["recipe=mine.yaml"], catalog, multirun=True), catalog)
    run = compose(plan(point, catalog), catalog)
    assert run.config.seed == 4
    assert run.origins["seed"] == "sweep seed=4 of recipe mine.yaml"
    assert "expect" not in run.config.tree["recipe"]


def test_a_run_of_the_users_own_may_hold_addresses() -> None:
    write("mine.yaml", "dataset: {name: mnist, mirrors: ['http://localhost/']}\n")
    catalog = Catalog()
    (point,) = parse(["recipe=mine.yaml"], catalog).points()
    assert plan(point, catalog, own=True).values["dataset.mirrors"].value == ["http://localhost/"]
    with pytest.raises(ConfigError, match="A recipe cannot name addresses"):
        plan(point, catalog)


def test_composing_what_is_wrong_is_refused_with_all_of_it() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("seed=x", "trainer.epochs=y", "hydra.rnu.dir=z")
    assert [problem.where for problem in caught.value.problems] == ["seed=x", "trainer.epochs=y", "hydra.rnu.dir=z"]


def test_hydra_composes_within_a_hydra_job_too() -> None:
    from hydra import initialize_config_dir

    from dlrun.configuration.schema import groups as schema

    with initialize_config_dir(str(schema.resource_dir("conf").resolve()), version_base="1.3", job_name="outer"):
        assert composed("seed=5").config.seed == 5


def test_awkward_texts_reach_the_configuration_as_they_were() -> None:
    awkward = "a\"b\\'c, {x: [1]}=#é"
    write("mine.yaml", f"metric: '{awkward.replace(chr(39), chr(39) * 2)}'\n")
    assert composed("recipe=mine.yaml").config.metric == awkward
