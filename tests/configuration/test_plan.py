from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration import check, safe_yaml
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError


def wrong(*words: str, multirun: bool = False, catalog: Catalog | None = None) -> list[tuple[str, str]]:
    catalog = catalog or Catalog()
    try:
        plan_runs(parse_overrides(words, catalog, multirun=multirun), catalog)
    except ConfigError as error:
        return [(problem.where, problem.message) for problem in error.problems]
    return []


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_mistake_is_reported_at_once() -> None:
    assert wrong(
        "foo", "seed=1,2", "modle=cnn", "trainer.epoch=3", "optimizer.lr=fast", "hydra.rnu.dir=x", "model=cn"
    ) == [
        ("foo", "Expected KEY=VALUE. `dlrun --help` shows the commands."),
        ("seed=1,2", "Several values are a sweep: add -m. For a list, write [1,2]."),
        ("hydra.rnu.dir=x", 'Hydra has no key "hydra.rnu.dir". Did you mean "hydra.run.dir"?'),
        ("model=cn", 'Unknown model "cn". Did you mean "cnn"?'),
        ("modle=cnn", 'Unknown key "modle". Did you mean "model"?'),
        ("trainer.epoch=3", 'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?'),
        ("optimizer.lr=fast", 'Expected a number above 0, at most 1000 or auto, got "fast".'),
    ]


def test_a_request_without_mistakes_has_no_problems() -> None:
    assert wrong("model=mlp", "model.hidden=[3]", "seed=${oc.env:SEED}", "hydra.run.dir=x") == []


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("recipe=3", "Expected a recipe's name or file, got 3."),
        ("recipe=[a,b]", 'Expected a recipe\'s name or file, got ["a", "b"].'),
        ("recipe=${seed}", 'Expected a recipe\'s name or file, got "${seed}".'),
        ("recipe=./no.yaml", "The file does not exist."),
        ("epochs=3", 'Unknown key "epochs". Did you mean "trainer.epochs"?'),
        ("batch_size=8", 'Unknown key "batch_size". Did you mean "trainer.batch_size"?'),
        ("lr=0.1", 'Unknown key "lr". Did you mean "optimizer.lr"?'),
        ("optimiser.lr=0.1", 'Unknown key "optimiser.lr". Did you mean "optimizer.lr"?'),
        ("optimizer=ADAM", 'Unknown optimizer "ADAM". Did you mean "adam"?'),
        (
            "model.padding=smae",
            'Expected one of same, valid or a whole number from 0 to 31, got "smae". Did you mean "same"?',
        ),
        (
            "trainer.early_stop.patince=3",
            'trainer.early_stop has no field "patince". Did you mean "trainer.early_stop.patience"?',
        ),
        ("trainer.epochs.x=3", "trainer.epochs is a single value and has no fields."),
        ("checkpoint=null", "Expected the name of an option of checkpoint, got null. Choose from: default."),
        ("model={name:cnn}", 'Expected the name of an option of model, got {name: "cnn"}.'),
    ],
)
def test_a_mistake_is_reported_with_the_nearest_right_name(word: str, message: str) -> None:
    ((where, told),) = wrong(word)
    assert where == word
    assert told == message if not word.startswith("model={") else told.startswith(message)


def test_a_mistake_in_a_recipe_is_reported_with_its_name_beside_those_of_the_words() -> None:
    write("mine.yaml", "model: {name: mlp, kernel: 3}\nseed: x\n")
    assert wrong("recipe=mine.yaml", "trainer.epoch=3", "model.hidden=[3]") == [
        ("recipe=mine.yaml:1: model.kernel", 'The model "mlp" has no field "kernel". Choose from: model.activation, '
         "model.dropout, model.hidden, model.init, model.norm."),
        ("recipe=mine.yaml:2: seed", 'Expected a whole number from 0 to 4294967295, got "x".'),
        ("trainer.epoch=3", 'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?'),
    ]  # fmt: skip
    write("mine.yaml", "seed: [\n")
    ((where, message),) = wrong("recipe=mine.yaml")
    assert where == "recipe=mine.yaml"
    assert message.startswith("mine.yaml:2: not valid YAML: ")


def test_words_are_checked_with_the_recipes_options() -> None:
    write("mine.yaml", "model: {name: mlp}\n")
    assert wrong("recipe=mine.yaml", "model.hidden=[3]") == []
    assert wrong("recipe=mine.yaml", "model=cnn", "model.hidden=[3]", "model.kernel=3") == []
    ((where, _),) = wrong("recipe=mine.yaml", "model.kernel=3")
    assert where == "model.kernel=3"


@pytest.mark.parametrize("words", [["trainer.epochs=null"], ["recipe=mine.yaml"]])
def test_contradictions_are_reported_without_composing(words: list[str]) -> None:
    write("mine.yaml", "trainer: {epochs: null}\n")
    both = ("trainer.epochs", "Set trainer.epochs or trainer.max_steps; with both null training never ends.")
    assert wrong(*words) == [both]
    assert wrong(*words, "trainer.max_steps=3") == []


def test_a_sweep_is_checked_at_every_point_and_tells_a_mistake_once() -> None:
    assert wrong("seed=0,1,x", "trainer.epochs=3,null", "model=cnn,mlp,cn", multirun=True) == [
        ("model=cn", 'Unknown model "cn". Did you mean "cnn"?'),
        ("seed=x", 'Expected a whole number from 0 to 4294967295, got "x".'),
    ]
    assert [where for where, _ in wrong("seed=0,1", "trainer.epochs=3,null", multirun=True)] == ["trainer.epochs"]


def test_a_wrong_key_is_reported_once_whatever_its_values() -> None:
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


def test_too_many_points_are_reported() -> None:
    assert wrong("seed=range(0,1000)", "dataset.split_seed=range(0,101)", multirun=True) == [
        ("-m", "The sweep has 101,000 points; at most 100,000 are allowed.")
    ]


def test_a_thousand_points_are_checked_at_once() -> None:
    catalog = Catalog()
    words = ["seed=range(0,250)", "optimizer.lr=1e-3,1e-4", "model=cnn,mlp"]
    request = parse_overrides(words, catalog, multirun=True)
    assert request.num_points() == 1000
    plan_runs(parse_overrides(["seed=0"], catalog), catalog)  # reads the files
    start = time.process_time()
    assert len(plan_runs(request, catalog)) == 1000
    assert time.process_time() - start < 0.5


def test_a_mistake_is_reported_without_importing_torch_or_hydra() -> None:
    code = (
        "import sys; from dlrun.configuration.overrides import parse_overrides\n"
        "from dlrun.configuration.schema.catalog import Catalog\n"
        "from dlrun.configuration.plan import plan_runs\n"
        "from dlrun.errors import ConfigError\n"
        "c = Catalog()\n"
        "try: plan_runs(parse_overrides(['modle=cnn', 'trainer.epoch=3', 'optimizer.lr=fast'], c), c)\n"
        "except ConfigError as error: print(*[p.message for p in error.problems], sep='\\n')\n"
        "print('torch' in sys.modules, 'hydra' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        'Unknown key "modle". Did you mean "model"?',
        'The trainer "default" has no field "epoch". Did you mean "trainer.epochs"?',
        'Expected a number above 0, at most 1000 or auto, got "fast".',
        "False False",
    ]


def labels(*words: str, multirun: bool = True) -> list[str]:
    catalog = Catalog()
    return [plan.label for plan in plan_runs(parse_overrides(words, catalog, multirun=multirun), catalog)]


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


def test_the_users_own_run_may_contain_addresses() -> None:
    write("mine.yaml", "dataset: {name: mnist, mirrors: ['http://localhost/']}\n")
    catalog = Catalog()
    request = parse_overrides(["recipe=mine.yaml"], catalog)
    (plan,) = plan_runs(request, catalog, own=True)
    assert plan.values()["dataset.mirrors"].value == ["http://localhost/"]
    with pytest.raises(ConfigError, match="A recipe cannot set addresses"):
        plan_runs(request, catalog)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was read, by its name."""
    counter: Counter[str] = Counter()
    read = safe_yaml.read_bytes

    def counted(path: Path, *, bounds: safe_yaml.Bounds | None = None) -> bytes:
        counter[path.name] += 1
        return read(path, bounds=bounds)

    monkeypatch.setattr(safe_yaml, "read_bytes", counted)
    return counter


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """How often each value was checked, by its key and itself."""
    counter: Counter[tuple[str, str]] = Counter()
    find = check.find_mismatches

    def counted(kind: Any, value: Any, *, key: str) -> list[tuple[str, str]]:
        counter[key, repr(value)] += 1
        return find(kind, value, key=key)

    monkeypatch.setattr(check, "find_mismatches", counted)
    return counter


RECIPE = "model: {name: mlp, hidden: [5]}\noptimizer: {name: sgd, lr: 0.1}\nseed: 7\n"


def test_a_command_reads_its_recipe_once_and_checks_each_value_once(
    reads: Counter[str], checks: Counter[tuple[str, str]]
) -> None:
    write("mine.yaml", RECIPE)
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["recipe=mine.yaml", "optimizer.lr=3", "trainer.epochs=2"], catalog), catalog)
    run = compose(plan, catalog)
    assert (run.config.optimizer_settings.lr, run.config.model["hidden"], run.config.seed) == (3, [5], 7)
    assert reads["mine.yaml"] == 1
    assert checks == {
        ("model.hidden", "[5]"): 1,
        ("optimizer.lr", "0.1"): 1,
        ("seed", "7"): 1,
        ("optimizer.lr", "3"): 1,
        ("trainer.epochs", "2"): 1,
    }


def test_a_sweep_reads_each_recipe_once_and_checks_each_value_once(
    reads: Counter[str], checks: Counter[tuple[str, str]]
) -> None:
    write("one.yaml", RECIPE + "sweep: {trainer.epochs: [1, 2]}\n")
    write("two.yaml", "metric: loss\ntrainer: {epochs: 10}\n")
    catalog = Catalog()
    words = ["recipe=./one.yaml,./two.yaml", "trainer.batch_size=8,16"]
    plans = plan_runs(parse_overrides(words, catalog, multirun=True), catalog)
    runs = [compose(plan, catalog).config for plan in plans]
    assert [(run.trainer.epochs, run.trainer.batch_size) for run in runs] == [
        (1, 8), (1, 16), (2, 8), (2, 16), (10, 8), (10, 16),
    ]  # fmt: skip
    assert (reads["one.yaml"], reads["two.yaml"]) == (1, 1)
    assert checks == {
        ("model.hidden", "[5]"): 1,
        ("optimizer.lr", "0.1"): 1,
        ("seed", "7"): 1,
        ("trainer.epochs", "1"): 1,
        ("trainer.epochs", "2"): 1,
        ("trainer.epochs", "10"): 1,
        ("metric", "'loss'"): 1,
        ("trainer.batch_size", "8"): 2,  # once with the options of each recipe
        ("trainer.batch_size", "16"): 2,
    }


def test_only_what_is_unknown_before_composing_is_checked_after_it(checks: Counter[tuple[str, str]]) -> None:
    catalog = Catalog()
    words = ["dataset.limit=${seed}", "seed=5", "optimizer.lr=0.5"]
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    assert checks == {("seed", "5"): 1, ("optimizer.lr", "0.5"): 1}
    checks.clear()
    assert compose(plan, catalog).config.dataset_settings.limit == 5
    assert checks == {("dataset.limit", "5"): 1}


def test_a_plan_is_plain_data_for_other_processes() -> None:
    write("mine.yaml", RECIPE)
    catalog = Catalog()
    plans = plan_runs(parse_overrides(["recipe=mine.yaml", "seed=1,2"], catalog, multirun=True), catalog)
    Path("mine.yaml").unlink()
    again = pickle.loads(pickle.dumps(plans))  # noqa: S301 - our own bytes
    assert again == plans
    assert again[0].recipe is again[1].recipe
    assert [compose(plan, Catalog()).config.seed for plan in again] == [1, 2]


def test_a_field_that_a_recipe_leaves_to_the_user_is_required() -> None:
    write("mine.yaml", "dataset: {name: digits, val_fraction: '???'}\n")
    assert wrong("recipe=mine.yaml") == [
        ("dataset.val_fraction", "This field is required; set dataset.val_fraction=...")
    ]
    assert wrong("recipe=mine.yaml", "dataset.val_fraction=0.2") == []


def test_a_field_of_images_is_unknown_to_other_datasets_in_words_that_name_those_with_it() -> None:
    assert wrong("dataset=iris", "dataset.augment.flip=true", "dataset.pad=0") == [
        (
            "dataset.augment.flip=true",
            'The dataset "iris" has no field "augment". Only arrays, audio_folder, cifar10, digits, fashion_mnist, '
            "image_folder, mnist, random_images have it.",
        ),
        (
            "dataset.pad=0",
            'The dataset "iris" has no field "pad". Only arrays, audio_folder, cifar10, digits, fashion_mnist, '
            "image_folder, mnist, random_images have it.",
        ),
    ]
    assert wrong("dataset=arrays", "dataset.path=x.npz", "dataset.augment.flip=true", "dataset.pad=1") == []
    assert wrong("dataset=_base")[0][1].startswith('Unknown dataset "_base".')


def test_a_presets_interpolation_is_checked_after_composing() -> None:
    write("presets/dataset/mine.yaml", "name: digits\nval_fraction: ${dataset.test_fraction}\ntest_fraction: 0.6\n")
    catalog = Catalog(config_dirs=[Path("presets")])
    (plan,) = plan_runs(parse_overrides(["dataset=mine"], catalog), catalog)
    with pytest.raises(ConfigError, match="leaves no rows to train on"):
        compose(plan, catalog)
    (plan,) = plan_runs(parse_overrides(["dataset=mine", "dataset.test_fraction=0.3"], catalog), catalog)
    assert compose(plan, catalog).config.dataset_settings.val_fraction == 0.3


def test_a_plugins_default_of_the_wrong_type_is_reported() -> None:
    catalog = Catalog(plugins=[write("rows.py", "def rows(*, count: int = 'x', val_fraction: Fraction = 0.5): ...\n")])
    (plan,) = plan_runs(parse_overrides(["dataset=rows"], catalog), catalog)
    with pytest.raises(ConfigError) as caught:
        compose(plan, catalog)
    assert [(problem.where, problem.message) for problem in caught.value.problems] == [
        ("dataset.count", 'Expected a whole number, got "x".')
    ]


def marks(*words: str, multirun: bool = False) -> list[tuple[str, str | None]]:
    """The id and fix of each problem."""
    with pytest.raises(ConfigError) as caught:
        plan_runs(parse_overrides(words, Catalog(), multirun=multirun), Catalog())
    return [(problem.id, problem.fix) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("word", "kind", "fix"),
    [
        ("foo", "parse-error", None),
        ("seed=1,2", "several-values", None),
        ("hydra.rnu.dir=x", "unknown-key", "hydra.run.dir=x"),
        ("model=cn", "unknown-option", "model=cnn"),
        ("model=zzzz", "unknown-option", None),
        ("modle=mlp", "unknown-key", "model=mlp"),
        ("lr=0.01", "unknown-key", "optimizer.lr=0.01"),
        ("optimzer.lr=0.01", "unknown-key", "optimizer.lr=0.01"),
        ("zzzz=1", "unknown-key", None),
        ("trainer.epoch=3", "unknown-key", "trainer.epochs=3"),
        ("trainer.early_stop.patince=3", "unknown-key", "trainer.early_stop.patience=3"),
        ("trainer.erly_stop.patience=3", "unknown-key", "trainer.early_stop.patience=3"),
        ("optimizer.lr=fast", "wrong-value", None),
        ("device.precision=bf61", "wrong-value", "device.precision=bf16"),
        ("trainer.max_time='10 min'", "wrong-value", "trainer.max_time=10m"),
        ("model.knernel=[1,2]", "unknown-key", "model.kernel=[1,2]"),
        ("dataset.val_fraction=0.9", "contradiction", "dataset.val_fraction=0.1"),
        ("trainer.epochs=null", "contradiction", "trainer.epochs=auto"),
        ("dataset=table", "required", None),
        ("recipe=mlp_digit", "unknown-recipe", "recipe=mlp_digits"),
        ("recipe=nowhere.yaml", "no-file", None),
        ("recipe=3", "wrong-value", None),
    ],
)
def test_a_problem_has_the_id_of_its_kind_and_the_override_that_mends_it(word: str, kind: str, fix: str | None) -> None:
    assert (kind, fix) in marks(word)


@pytest.mark.parametrize(
    "word", ["modle=mlp", "lr=0.01", "trainer.epoch=3", "device.precision=bf61", "trainer.max_time='10 min'",
             "dataset.val_fraction=0.9", "trainer.epochs=null", "model.knernel=5", "hydra.rnu.dir=x",
             "recipe=mlp_digit"],
)  # fmt: skip
def test_the_fix_mends_it(word: str) -> None:
    ((_, fix),) = marks(word)
    assert wrong(str(fix)) == []


@pytest.mark.parametrize(
    ("text", "where", "kind", "fix"),
    [
        ("seed: 1\nmodel:\n  name: mlp\n  hiden: [64]\n", ":4: model.hiden", "unknown-key", "model.hidden=[64]"),
        ("sede: 3", ":1: sede", "unknown-key", "seed=3"),
        ("modle: {name: mlp}", ":1: modle", "unknown-key", "model=mlp"),
        ("model:\n  name: mpl", ":2: model=mpl", "unknown-option", "model=mlp"),
        ("model:\n  name: mlp\n  activation: rleu", ":3: model.activation", "wrong-value", "model.activation=relu"),
        ("seed: 1\nhydra: {}", ":2: hydra", "recipe-not-data", None),
        ("metric: ${seed}", ":1: metric", "recipe-not-data", None),
        ("recipe: {format: 1,\n titel: x}", ":2: recipe.titel", "unknown-key", None),
        ("dataset:\n  name: mnist\n  mirrors: ['http://x']", ":3: dataset.mirrors", "not-for-recipes", None),
        ("dataset:\n  name: table\n  path: /etc/passwd", ":3: dataset.path", "not-for-recipes", None),
        ("sweep:\n  optimizer.rl: [0.1]", ":2: sweep.optimizer.rl", "unknown-key", None),
        ("a: &b 1", "", "recipe-not-data", None),
        ("a: !!python/name:os.system", "", "recipe-not-data", None),
        ("a: 1\na: 2", "", "parse-error", None),
        ("a: [", "", "parse-error", None),
    ],
)  # fmt: skip
def test_a_mistake_in_a_recipe_has_its_line_id_and_fix(text: str, where: str, kind: str, fix: str | None) -> None:
    write("mine.yaml", text)
    ((found, _),) = wrong("recipe=mine.yaml")
    assert found == f"recipe=mine.yaml{where}"
    assert marks("recipe=mine.yaml") == [(kind, fix)]


def test_a_value_that_is_long_or_not_printable_is_in_no_fix() -> None:
    assert marks("lr='" + "x" * 300 + "'") == [("unknown-key", None)]
    assert marks("sede='a\x1b[1m'") == [("unknown-key", None)]


def test_too_many_points_have_their_id() -> None:
    assert marks("seed=range(0,400)", "optimizer.lr=choice(0.1,0.2)", "trainer.epochs=range(1,200)", multirun=True) == [
        ("too-many-points", None)
    ]
