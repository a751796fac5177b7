"""dlrun.configuration.schema.several: a list of loggers, on the command line, in recipes, sweeps and Hydra's flags."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.cli.completion import complete
from dlrun.configuration.compose import compose
from dlrun.configuration.json_schema import recipe_schema
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.yaml_text import to_yaml
from dlrun.errors import ConfigError

Dlrun = Callable[..., tuple[int, str, str]]
BOTH = "logger=[tensorboard,wandb]"


def composed(*words: str, catalog: Catalog | None = None) -> RunConfig:
    catalog = catalog or Catalog()
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    return compose(plan, catalog).config


def problems(*words: str, multirun: bool = False) -> list[tuple[str, str, str | None]]:
    with pytest.raises(ConfigError) as caught:
        plan_runs(parse_overrides(words, Catalog(), multirun=multirun), Catalog())
    return [(problem.where, problem.message, problem.fix) for problem in caught.value.problems]


def recipe(text: str) -> str:
    Path("r.yaml").write_text("recipe: {format: 1}\n" + text)
    return "recipe=r.yaml"


def test_a_list_is_a_node_with_a_mapping_for_each() -> None:
    config = composed(BOTH, "logger.wandb.project=mine", "logger.tensorboard.wait_s=0")
    assert config.tree["logger"] == {
        "name": ["tensorboard", "wandb"],
        "tensorboard": {"flush_s": 30, "wait_s": 0},
        "wandb": {"project": "mine", "entity": None, "mode": "offline", "wait_s": 30},
    }
    assert [(choice.name, dict(choice.arguments)) for choice in config.loggers] == [
        ("tensorboard", {"flush_s": 30, "wait_s": 0}),
        ("wandb", {"project": "mine", "entity": None, "mode": "offline", "wait_s": 30}),
    ]


def test_one_logger_is_as_it_was() -> None:
    for word in ("logger=tensorboard", "logger.name=tensorboard"):
        config = composed(word, "logger.flush_s=5")
        assert config.tree["logger"] == {"name": "tensorboard", "flush_s": 5, "wait_s": 30}
        assert [choice.name for choice in config.loggers] == ["tensorboard"]
    assert composed().tree["logger"] == {"name": "none"}
    assert composed("logger=[tensorboard]").tree["logger"]["tensorboard"] == {"flush_s": 30, "wait_s": 30}


@pytest.mark.parametrize(
    ("choice", "message", "fix"),
    [
        ("[]", "The list is empty. For none, write logger=none.", "logger=none"),
        ("[none,wandb]", '"none" cannot be one of several: write logger=[wandb].', "logger=[wandb]"),
        ("[none]", '"none" cannot be one of several: write logger=none.', "logger=none"),
        ("[wandb,wandb]", '"wandb" is in the list twice: write logger=[wandb].', "logger=[wandb]"),
        ("[wandd,mlflow]", 'Unknown logger "wandd". Did you mean "wandb"?', "logger=[wandb,mlflow]"),
        ("[csv]", 'Unknown logger "csv". Choose from: mlflow, none, tensorboard, wandb.', None),
        ("[1,2]", "Expected the name of an option of logger, got [1, 2]. "
                  "Choose from: mlflow, none, tensorboard, wandb.", None),
    ],
)  # fmt: skip
def test_a_wrong_list_is_told(choice: str, message: str, fix: str | None) -> None:
    assert problems(f"logger={choice}") == [(f"logger={choice}", message, fix)]


def test_wrong_fields_are_told() -> None:
    assert problems(BOTH, "logger.flush_s=5") == [
        (
            "logger.flush_s=5",
            'The logger "[tensorboard,wandb]" has no field "flush_s". Did you mean "logger.tensorboard.flush_s"?',
            "logger.tensorboard.flush_s=5",
        )
    ]
    assert problems(BOTH, "logger.wandb.projet=x") == [
        (
            "logger.wandb.projet=x",
            'logger.wandb has no field "projet". Did you mean "logger.wandb.project"?',
            "logger.wandb.project=x",
        )
    ]
    assert problems("logger=wandb", "logger.wandb.project=x") == [
        (
            "logger.wandb.project=x",
            'The logger "wandb" has no field "wandb". Did you mean "logger.project"?',
            "logger.project=x",
        )
    ]
    assert problems(BOTH, "logger.wandb.wait_s=-1")[0][1] == "Expected a whole number from 0 to 3600, got -1."
    assert problems("logger=tensorboard,wandb") == [
        (
            "logger=tensorboard,wandb",
            f"Several values are a sweep: add -m. For all of them in one run, write {BOTH}.",
            None,
        )
    ]
    assert problems("model=[cnn,mlp]")[0][1].startswith('Expected the name of an option of model, got ["cnn", "mlp"].')


def test_a_required_field_within_a_list_must_be_set(own_folder: Path) -> None:
    Path("mine.py").write_text("def mine(run_dir, *, table: str):\n    return None\n")
    catalog = Catalog(plugins=[Path("mine.py")])
    for words, where in (((), "logger.mine.table"), (("logger.mine.table=???",), "logger.mine.table=???")):
        with pytest.raises(ConfigError) as caught:
            composed("logger=[mine,tensorboard]", *words, catalog=catalog)
        (problem,) = caught.value.problems
        assert (problem.where, problem.message) == (where, "This field is required; set logger.mine.table=...")
    config = composed("logger=[mine,tensorboard]", "logger.mine.table=x", catalog=catalog)
    assert config.tree["logger"]["mine"] == {"table": "x"}


def test_a_preset_of_the_user_may_be_one_of_several(own_folder: Path) -> None:
    for name in ("fast", "slow"):
        Path(f"conf/logger/{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        Path(f"conf/logger/{name}.yaml").write_text("name: tensorboard\nflush_s: 1\n")
    catalog = Catalog(config_dirs=[Path("conf")])
    config = composed("logger=[fast,wandb]", catalog=catalog)
    assert config.tree["logger"]["name"] == ["tensorboard", "wandb"]
    assert config.tree["logger"]["tensorboard"] == {"flush_s": 1, "wait_s": 30}
    with pytest.raises(ConfigError, match='"tensorboard" is in the list twice'):
        composed("logger=[fast,slow]", catalog=catalog)


def test_a_recipe_may_have_a_list_and_a_configuration_is_one(own_folder: Path) -> None:
    of_recipe = composed(recipe("logger: {name: [tensorboard, wandb], wandb: {project: mine}}\n"))
    of_words = composed(BOTH, "logger.wandb.project=mine")
    assert of_recipe.tree["logger"] == of_words.tree["logger"]
    Path("config.yaml").write_text(to_yaml(of_words.tree))
    assert composed("recipe=config.yaml").tree["logger"] == of_words.tree["logger"]
    over = composed("recipe=config.yaml", "logger.wandb.project=other").tree["logger"]
    assert over["wandb"]["project"] == "other"
    assert composed("recipe=config.yaml", "logger=none").tree["logger"] == {"name": "none"}
    old = composed(recipe("logger: {name: tensorboard, flush_s: 7}\n"))  # as runs wrote it before there were lists
    assert old.tree["logger"] == {"name": "tensorboard", "flush_s": 7, "wait_s": 30}


@pytest.mark.parametrize(
    ("node", "where", "message"),
    [
        ("{name: [mlflow], mlflow: {uri: 'http://there'}}", "logger.mlflow.uri",
         "A recipe cannot set addresses; set them on the command line."),
        ("{name: [wandb, mlflow], wandb: {mode: online}}", "logger.wandb.mode",
         "A recipe cannot send a run elsewhere; set it on the command line: logger.wandb.mode=online."),
        ("{name: [mlflow], mlflow: {folder: /tmp/x}}", "logger.mlflow.folder",
         'A recipe cannot choose a folder that is written to, got "/tmp/x". '
         "Set it on the command line: logger.mlflow.folder=..."),
        ("{name: wandb, mode: online}", "logger.mode",
         "A recipe cannot send a run elsewhere; set it on the command line: logger.mode=online."),
        ("{name: [mlflow], mlflow: {experiment: 3}}", "logger.mlflow.experiment", "Expected a string, got 3."),
        ("{name: [tensorboard, 3]}", "logger.name", 'Expected a name or a list of names, got ["tensorboard", 3].'),
    ],
)  # fmt: skip
def test_a_recipe_may_not_send_or_write_elsewhere(own_folder: Path, node: str, where: str, message: str) -> None:
    ((shown, told, _),) = problems(recipe(f"logger: {node}\n"))
    assert (shown.rpartition(" ")[2], told) == (where, message)


def test_points_of_a_sweep_over_loggers_can_be_told_apart(own_folder: Path) -> None:
    def labels(*words: str) -> list[str]:
        return [plan.label for plan in plan_runs(parse_overrides(words, Catalog(), multirun=True), Catalog())]

    assert labels("logger=[tensorboard, wandb],none", "seed=0,1") == [
        "logger=[tensorboard,wandb] seed=0",
        "logger=[tensorboard,wandb] seed=1",
        "logger=none seed=0",
        "logger=none seed=1",
    ]
    assert labels(recipe("sweep: {logger: [[tensorboard, wandb], none]}\n")) == [BOTH, 'logger="none"']


def test_completion_goes_on_with_a_list() -> None:
    assert complete("dlrun logger=[tensorboard,m") == ["logger=[tensorboard,mlflow"]
    assert complete("dlrun logger=[") == ["logger=[mlflow", "logger=[tensorboard", "logger=[wandb"]
    assert complete(f"dlrun {BOTH} logger.wandb.m") == ["logger.wandb.mode="]
    assert complete(f"dlrun {BOTH} logger.wandb.mode=on") == ["logger.wandb.mode=online"]


def test_the_json_schema_accepts_what_is_accepted() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(recipe_schema(Catalog()))

    def accepts(node: Any) -> bool:
        return bool(validator.is_valid({"logger": node}))

    assert accepts({"name": ["tensorboard", "wandb"], "wandb": {"project": "mine"}})
    assert accepts({"name": "wandb", "project": "mine"})
    assert not accepts({"name": ["tensorboard"], "flush_s": 3})
    assert not accepts({"name": ["none", "tensorboard"]})
    assert not accepts({"name": []})
    assert not accepts({"name": ["mlflow"], "mlflow": {"uri": "http://there"}})
    assert validator.is_valid({"sweep": {"logger": [["tensorboard", "wandb"], "none"]}})


def test_what_shows_a_configuration_shows_a_list(dlrun: Dlrun) -> None:
    assert dlrun("show", BOTH, "--why", "logger") == (0, f"logger = [tensorboard,wandb]: override {BOTH}\n", "")
    shown = dlrun("show", BOTH, "--why", "logger.wandb.mode")[1]
    assert shown.startswith('logger.wandb.mode = "offline": default of logger=wandb in conf/logger/wandb.yaml:')
    assert "  wandb:\n    project: dlrun\n" in dlrun(BOTH, "--cfg", "job")[1]
    assert json.loads(dlrun("check", BOTH, "dataset=iris", "--json")[1]) == []
