"""Every example of every help page, and every verb with each of its flags, run as a user types them."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli import verbs
from dlrun.cli.command import parse
from dlrun.cli.flags import EVERYWHERE
from dlrun.cli.verb import Example

Dlrun = Callable[..., tuple[int, str, str]]

EXAMPLES = [(verb.name, example) for verb in verbs.every_verb() for example in verb.examples]

IRIS = "dataset=iris model=linear trainer.epochs=1"
HAS_SERVE = all(importlib.util.find_spec(name) is not None for name in ("starlette", "uvicorn", "python_multipart"))
HAS_ONNX = all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxscript", "onnxruntime"))
HAS_CAPTUM = importlib.util.find_spec("captum") is not None
FURTHER = [
    f"dlrun {IRIS} --quiet --json --profile",
    f"dlrun {IRIS} --plugin my_model.py model=my_model",
    f"dlrun {IRIS} --config-dir my_options model=small",
    f"dlrun {IRIS} --run",
    "dlrun --cfg job --resolve --package trainer",
    "dlrun --cfg job --config-path {here}/my_conf --config-name other",
    "dlrun --info searchpath",
    "dlrun --hydra-help",
    "dlrun --shell-completion install=bash",
    f"dlrun check -q --plugin my_model.py {IRIS} model=my_model",
    f"dlrun check --config-dir my_options {IRIS} model=small",
    "dlrun ls model --plugin my_model.py --config-dir my_options",
    "dlrun show --json --plugin my_model.py --config-dir my_options model=my_model",
    "dlrun share outputs/run -q --plugin my_model.py --config-dir my_options",
    "dlrun verify outputs/shared.yaml device.threads=1 -q --plugin my_model.py --config-dir my_options",
    "dlrun diff mlp_digits outputs/run --plugin my_model.py --config-dir my_options",
    "dlrun resume outputs/run trainer.epochs=4 -q --json",
    "dlrun resume outputs/run trainer.epochs=4 --profile --plugin my_model.py --config-dir my_options",
    "dlrun eval outputs/run -q --plugin my_model.py --config-dir my_options",
    "dlrun predict outputs/run new.csv -q --plugin my_model.py --config-dir my_options",
    "dlrun predict outputs/language --prompt Every --length 3 --temperature 0",
    "dlrun predict outputs/series --future --json",
    "dlrun export outputs/run -o model.pt2 --rows new.csv -q --plugin my_model.py --config-dir my_options",
    "dlrun explain outputs/run new.csv --target target",
    "dlrun explain outputs/run --split train -q --json --plugin my_model.py --config-dir my_options",
    "dlrun serve outputs/run --host localhost --port 0 --token a-long-token --max-mib 1 --max-waiting 9 -q "
    "--plugin my_model.py --config-dir my_options",
    "dlrun publish outputs/run --to published -q --plugin my_model.py --config-dir my_options",
    "dlrun report outputs/run --split val --no-rows --quiet --plugin my_model.py --config-dir my_options",
    "dlrun clean outputs/run --plugin my_model.py --config-dir my_options",
]
WITHOUT_EXAMPLE = [Example(line, "") for line in FURTHER] + [
    Example("dlrun verify --all optimizer.lr=1 -o verified.md", "", exit_code=2),
    Example("dlrun export outputs/run -o model.onnx --quantize int8", "", exit_code=0 if HAS_ONNX else 2),
    Example("dlrun publish outputs/run --to exported --export onnx --rows new.csv", "", exit_code=0 if HAS_ONNX else 2),
    Example("dlrun publish outputs/run --to hf://OWNER/NA--ME --public", "", exit_code=2),
    Example("dlrun replay outputs/diverged -q --plugin my_model.py --config-dir my_options", "", exit_code=4),
]


@pytest.mark.parametrize(
    "example",
    [*(example for _, example in EXAMPLES), *WITHOUT_EXAMPLE],
    ids=[*(example.line for _, example in EXAMPLES), *(example.line for example in WITHOUT_EXAMPLE)],
)
def test_it_runs(example: Example, dlrun: Dlrun, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(example.line.format(here=workplace))
    assert words[0] == "dlrun"
    needs_captum = words[1] == "explain" and "--split" not in words
    if words[1] == "serve":
        if not HAS_SERVE:
            pytest.skip('the extra "serve" is not installed')
        monkeypatch.setattr("dlrun.runs.serving.server.listen", lambda *given, **named: None)  # until a signal comes
        words += [] if "--port" in words else ["--port", "0"]
    code, _, err = dlrun(*words[1:])
    assert code == (2 if needs_captum and not HAS_CAPTUM else example.exit_code), err


@pytest.mark.parametrize("name", verbs.NAMES)
def test_every_flag_of_a_verb_is_among_them(name: str) -> None:
    lines = [example.line for _, example in EXAMPLES] + [example.line for example in WITHOUT_EXAMPLE]
    commands = [parse(shlex.split(line)[1:]) for line in lines]
    used = {flag for command in commands if command.verb.name == name for flag in command.given}
    assert used >= {flag.name for flag in verbs.verb(name).own_flags}


@pytest.mark.parametrize("flag", [flag.name for flag in EVERYWHERE])
@pytest.mark.parametrize("name", verbs.NAMES)
def test_every_verb_has_the_flags_of_all(name: str, flag: str, dlrun: Dlrun) -> None:
    """`--debug` shows the traceback of an error, which `--jsom` is with every verb."""
    code, out, err = dlrun(name, flag, *(["--jsom"] if flag == "--debug" else []))
    if flag == "--debug":
        assert code == 2
        assert "Traceback" in err
        assert f"`dlrun {name}` has no flag --jsom." in err
    else:
        assert code == 0, err
        assert out.startswith(f"dlrun {name}: " if flag == "--help" else "dlrun 0.")


@pytest.mark.parametrize("name", verbs.NAMES)
def test_a_page_shows_at_least_two_examples_of_its_own_verb(name: str) -> None:
    examples = verbs.verb(name).examples
    assert len(examples) >= 2
    assert {parse(shlex.split(example.line)[1:]).verb.name for example in examples} == {name}
