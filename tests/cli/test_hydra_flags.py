"""Hydra's own flags, which Hydra answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Dlrun = Callable[..., tuple[int, str, str]]


def test_cfg_shows_the_configuration_that_dlrun_composes(dlrun: Dlrun) -> None:
    code, out, _ = dlrun("--cfg", "job", "recipe=mlp_digits")
    assert code == 0
    assert "hidden:\n  - 64\n" in out
    _, out, _ = dlrun("train", "-c", "job", "--resolve", "-p", "trainer", "trainer.epochs=3")
    assert out.startswith("# @package trainer\n")
    assert "\nepochs: 3\n" in out
    assert "hydra:" in dlrun("--cfg", "hydra")[1]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--info", "searchpath"), "Config search path"),
        (("--info", "model=mlp"), "model: mlp"),
        (("--info=defaults",), "model/cnn"),
        (("--hydra-help",), "See https://hydra.cc for more info."),
        (("--shell-completion", "install=bash"), "hydra_bash_completion()"),
        (("-sc", "install=fish"), "complete -c dlrun"),
    ],
)
def test_hydra_answers(dlrun: Dlrun, words: tuple[str, ...], text: str) -> None:
    code, out, err = dlrun(*words)
    assert code == 0, err
    assert text in out


def test_a_mistake_is_dlruns_error_before_hydra_is_asked(dlrun: Dlrun) -> None:
    code, _, err = dlrun("--cfg", "job", "modle=mlp")
    assert code == 2
    assert 'Did you mean "model"?' in err


@pytest.mark.parametrize("verb", ["resume", "eval", "replay"])
def test_a_saved_run_takes_no_settings_of_hydra(dlrun: Dlrun, short_run: Callable[..., object], verb: str) -> None:
    short_run("mine")
    code, _, err = dlrun(verb, "mine", "hydra.run.dir=other")
    assert code == 2
    assert "hydra.run.dir=other\n      A saved run takes no settings of Hydra; they belong to `dlrun train`." in err
