"""dlrun.cli.command: verb, words, overrides and flags; every mistake at once, with the nearest name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli import flags, verbs
from dlrun.cli.command import parse
from dlrun.errors import ConfigError

NO_HYDRA = ["--cfg job", "--info", "--resolve", "--package x", "--run", "--hydra-help", "--config-name x"]


def test_the_verb_may_be_omitted() -> None:
    assert parse(["model=mlp"]).verb.name == "train"
    assert parse([]).verb.name == "train"
    assert parse(["train", "model=mlp"]).overrides == ["model=mlp"]
    assert parse(["-m", "model=mlp,cnn"]).has(flags.MULTIRUN)
    assert parse(["~model", "env"]).verb.name == "train"


def test_flags_may_come_before_and_after_the_verb() -> None:
    command = parse(["--json", "show", "model=mlp", "--plugin", "a.py", "--debug"])
    assert command.verb.name == "show"
    assert command.overrides == ["model=mlp"]
    assert command.values(flags.PLUGIN) == [Path("a.py")]
    assert command.has(flags.JSON)
    assert command.has(flags.DEBUG)
    for words in (["-m", "train", "seed=0,1"], ["train", "-m", "seed=0,1"], ["train", "seed=0,1", "--multirun"]):
        assert parse(words).verb.name == "train"
        assert parse(words).has(flags.MULTIRUN)
        assert parse(words).overrides == ["seed=0,1"]


def test_a_value_follows_its_flag_or_an_equals_sign() -> None:
    paths = parse(["--plugin", "a.py", "--plugin=b.py"]).values(flags.PLUGIN)
    assert paths == [Path("a.py"), Path("b.py")]
    command = parse(["predict", "run", "new.csv", "--top=7", "-o", "-"])
    assert command.value(flags.TOP) == 7
    assert command.value(flags.OUTPUT) == Path("-")
    assert command.words == ["run", "new.csv"]
    assert command.value(flags.LENGTH) is None


def test_the_last_value_of_a_flag_wins() -> None:
    assert parse(["eval", "run", "--split", "val", "--split", "train"]).value(flags.SPLIT) == "train"


def test_a_flag_whose_value_may_be_omitted_takes_no_other_word() -> None:
    assert parse(["--info", "model=mlp"]).overrides == ["model=mlp"]
    assert parse(["--info", "model=mlp"]).value(flags.INFO) == "all"
    assert parse(["--info", "searchpath"]).value(flags.INFO) == "searchpath"
    assert parse(["--info=config"]).value(flags.INFO) == "config"


def test_words_come_first_then_overrides(own_folder: Path) -> None:
    command = parse(["predict", "outputs/run", "new.csv", "device=cpu"])
    assert (command.words, command.overrides) == (["outputs/run", "new.csv"], ["device=cpu"])
    assert parse(["predict", "run", "--prompt", "Once", "device=cpu"]).words == ["run"]
    assert parse(["compare", "a", "b", "c"]).words == ["a", "b", "c"]
    (own_folder / "lr=0.1").mkdir()
    command = parse(["resume", "lr=0.1", "trainer.epochs=4"])
    assert (command.words, command.overrides) == (["lr=0.1"], ["trainer.epochs=4"])


def test_help_of_a_verb_needs_none_of_its_words() -> None:
    assert parse(["resume", "--help"]).verb.name == "help"
    assert parse(["resume", "--help"]).words == ["resume"]
    assert parse(["-h", "--top", "3"]).words == []


def test_a_file_in_place_of_a_command_is_told_with_the_command_that_reads_it(tmp_path: Path) -> None:
    (tmp_path / "people.csv").touch()
    with pytest.raises(ConfigError, match=r"There is no such command\. .*: `dlrun dataset=table dataset.path=/"):
        parse([str(tmp_path / "people.csv")])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("trian", 'trian\n      There is no such command. Did you mean "train"?'),
        ("predicct --help", 'There is no such command. Did you mean "predict"?'),
        ("--quite", '--quite\n      `dlrun train` has no flag --quite. Did you mean "--quiet"?'),
        (
            "--epochs 3",
            "no flag --epochs. Settings are written without dashes, such as trainer.epochs=3. Choose from: ",
        ),
        ("runs --srot loss", '--srot\n      `dlrun runs` has no flag --srot. Did you mean "--sort"?'),
        ("env -z", "-z\n      `dlrun env` has no flag -z. Choose from: --debug, --help, --json, --version."),
        (
            "env --top 3",
            "--top 3\n      `dlrun env` has no flag --top; `dlrun predict` has it."
            " Its flags: --json, --help, --version, --debug.",
        ),
        ("runs -m", "-m\n      `dlrun runs` has no flag -m; `dlrun train` and `dlrun check` have it."),
        (
            "cp -q a b",
            "`dlrun export`, `dlrun serve`, `dlrun publish`, `dlrun replay` and `dlrun report` have it.",
        ),
        ("show --why", "--why\n      Expected a value after it."),
        ("--json=yes", "--json=yes\n      It takes no value."),
        ("eval run --split all", "--split all\n      Expected train, val or test."),
        ("--cfg jbo", "--cfg jbo\n      Expected job, hydra or all."),
        ("--shell-completion install=tcsh", "Expected install=bash, install=fish, install=zsh, uninstall=bash"),
        ("clean run --keep none", "--keep none\n      Expected a whole number from 1 to 1000000000."),
        ("clean run --keep 0", "--keep 0\n      Expected a whole number from 1 to 1000000000."),
        ("clean run --keep 99999999999999999999", "Expected a whole number from 1 to 1000000000."),
        ("predict run --prompt a --length -1", "--length -1\n      Expected a whole number from 1 to 1000000."),
        ("predict run --prompt a --temperature hot", "--temperature hot\n      Expected a number from 0 to 100."),
        ("predict run --prompt a --temperature nan", "--temperature nan\n      Expected a number from 0 to 100."),
        ("--plugin=", "--plugin=\n      Expected a path, got an empty text."),
        ("predict run new.csv --length 3", "--length\n      It has a meaning only together with --prompt."),
        ("--package model", "--package\n      It has a meaning only together with --cfg."),
        ("--config-name x", "--config-name\n      It has a meaning only together with --cfg or --info."),
        ("predict run --prompt a -o out.csv", "--prompt\n      It cannot be combined with --output."),
        ("show --why seed --json", "--why\n      It cannot be combined with --json."),
        ("-m --cfg job", "--cfg\n      It cannot be combined with --multirun."),
        ("-i --cfg job", "-i\n      It cannot be combined with --cfg."),
        ("env nonsense", "nonsense\n      `dlrun env` takes no words: dlrun env."),
        ("runs a b c", "b c\n      `dlrun runs` takes at most one folder and nothing else: dlrun runs [DIR]"),
        ("ls model loss", "loss\n      `dlrun ls` takes at most one group and nothing else: dlrun ls [GROUP]."),
        ("cat a b", "b\n      `dlrun cat` takes a recipe's name or file and nothing else: dlrun cat RECIPE."),
        ("clean run extra", "extra\n      `dlrun clean` takes a run's folder and nothing else: dlrun clean RUN_DIR"),
        ("clean run seed=1", "seed=1\n      `dlrun clean` takes a run's folder and no KEY=VALUE: dlrun clean RUN_DIR"),
        (
            "resume",
            "resume\n      Expected the folder of a run or a sweep: dlrun resume RUN_OR_SWEEP [KEY=VALUE ...]. "
            "`dlrun runs` lists runs.",
        ),
        ("resume trainer.epochs=4", "resume\n      Expected the folder of a run or a sweep: dlrun resume RUN_OR_SWEEP"),
        ("cat", "cat\n      Expected a recipe's name or file: dlrun cat RECIPE. `dlrun ls recipe` lists recipes."),
        ("cp mlp_digits", "cp\n      Expected a recipe's name and a file: dlrun cp RECIPE FILE."),
        (
            "compare",
            "compare\n      Expected at least two runs' folders, or a sweep's: dlrun compare RUN_OR_SWEEP ...",
        ),
        (
            "predict run",
            "predict\n      Expected a run's folder and a file of new rows or a folder of files:"
            " dlrun predict RUN_DIR INPUT [-o FILE] or dlrun predict RUN_DIR [INPUT] --future or"
            " dlrun predict RUN_DIR --prompt TEXT.",
        ),
    ],
)
def test_a_mistake_is_an_error_with_the_nearest_name(line: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(line.split())
    assert message in str(caught.value)
    assert str(caught.value).startswith("1 problem on the command line:")


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(["env", "--top", "3", "--keep", "9", "--jsno", "nonsense"])
    error = str(caught.value)
    assert error.startswith("4 problems on the command line:")
    assert [problem.where for problem in caught.value.problems] == ["--top 3", "--keep 9", "--jsno", "nonsense"]
    with pytest.raises(ConfigError, match="4 problems on the command line"):
        parse(["predict", "run", "--prompt", "a", "--length", "x", "--temperature", "hot", "--top", "x"])


@pytest.mark.parametrize("line", NO_HYDRA)
@pytest.mark.parametrize("name", [name for name in verbs.NAMES if name != "train"])
def test_only_train_has_the_flags_of_hydra(name: str, line: str) -> None:
    with pytest.raises(ConfigError, match="`dlrun train` has it"):
        parse([name, *line.split()])


def test_control_characters_are_made_visible() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(["--\x1b[31m"])
    assert "\x1b" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        parse(["env", "\x1b[31m"])
    assert "\x1b" not in str(caught.value)


def test_mistakes_end_with_exit_code_2(dlrun: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = dlrun("env", "--top", "3")
    assert (code, out) == (2, "")
    assert err.startswith("dlrun: 1 problem on the command line:\n  --top 3\n")


def test_every_flag_has_its_own_names() -> None:
    names = [name for flag in flags.ALL for name in (flag.name, flag.short) if name is not None]
    assert len(names) == len(set(names))
    assert all(flag.name.startswith("--") for flag in flags.ALL)
    owned = {flag.name for verb in verbs.every_verb() for flag in verb.flags}
    assert owned == {flag.name for flag in flags.ALL}


@pytest.mark.parametrize("name", verbs.NAMES)
def test_a_usage_names_only_what_the_verb_takes(name: str) -> None:
    verb = verbs.verb(name)
    words = verb.usage.replace("[", " ").replace("]", " ").replace("...", " ").split()
    spellings = {spelling for flag in verb.flags for spelling in (flag.name, flag.short, flag.metavar)}
    allowed = spellings | {word.metavar for word in verb.words} | ({"KEY=VALUE"} if verb.overrides else set())
    assert set(words) <= allowed
    assert set(words) >= {word.metavar for word in verb.words}
