"""Shell completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlrun.cli import verbs
from dlrun.cli.completion import complete


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dlrun mod", ["model.", "model="]),
        ("dlrun model=c", ["model=cnn"]),
        ("dlrun model=mlp model.hi", ["model.hidden="]),
        ("dlrun model.ker", ["model.kernel="]),
        ("dlrun model.norm=", ["model.norm=batch", "model.norm=group", "model.norm=layer", "model.norm=none"]),
        ("dlrun device.compile=", ["device.compile=false", "device.compile=true"]),
        ("dlrun resume=", ["resume=auto", "resume=must", "resume=never"]),
        ("dlrun recipe=lenet", ["recipe=lenet_mnist", "recipe=lenet_random"]),
        ("dlrun co", ["compare"]),
        ("dlrun ls opt", ["optimizer"]),
        ("dlrun cat mlp_d", ["mlp_digits"]),
        ("dlrun cp mlp_digits ", []),
        ("dlrun resume ", []),
        ("dlrun --pro", ["--profile"]),
        ("dlrun pre", ["predict"]),
        ("dlrun -m tr", ["train", "trainer.", "trainer="]),
        ("dlrun rep", ["replay", "report"]),
        ("dlrun cl", ["clean"]),
        ("dlrun help ru", ["runs"]),
        ("dlrun help runs ", []),
        ("dlrun clean --", ["--config-dir", "--debug", "--help", "--keep", "--plugin", "--version"]),
        ("dlrun clean run ", []),
        ("dlrun env ", []),
        ("dlrun predict --pro", ["--probabilities", "--prompt"]),
        ("dlrun predict run ", []),
        ("dlrun predict run new.csv dev", ["device.", "device="]),
        ("dlrun predict run --prompt Once dev", ["device.", "device="]),
        ("dlrun --json show mod", ["model.", "model="]),
        ("dlrun resume run trainer.ep", ["trainer.epochs="]),
        ("dlrun replay run device.prec", ["device.precision="]),
        ("dlrun eval run --split ", ["test", "train", "val"]),
        ("dlrun eval run --split=t", ["--split=test", "--split=train"]),
        ("dlrun eval run --split val device=c", ["device=cpu", "device=cuda"]),
        ("dlrun --cfg j", ["job"]),
        ("dlrun --info con", ["config"]),
        ("dlrun --info mod", ["model.", "model="]),
        ("dlrun show --why trainer.ep", ["trainer.epochs"]),
        ("dlrun --plugin ", []),
        ("dlrun predict run new.csv -o ", []),
        ("dlrun compare a ", []),
        ("dlrun model=nothing model.x", []),
        ("dlrun -m sear", ["search.", "search="]),
        ("dlrun sear", []),
        ("dlrun -m search=", ["search=grid", "search=lhs", "search=random", "search=tpe"]),
        (
            "dlrun check -m search.",
            ["search.budget=", "search.objectives=", "search.prune=", "search.seed=", "search.trials="],
        ),
        ("dlrun -m search.prune=h", ["search.prune=halving"]),
        ("dlrun -m launch.e", ["launch.engine="]),
        ("dlrun -m launch.engine=", ["launch.engine=local", "launch.engine=ray", "launch.engine=submitit"]),
        ("dlrun -m launch.nothing=", []),
        ("dlrun ls la", ["launch"]),
        ("dlrun seed=", []),
    ],
)
def test_a_word_is_completed(line: str, expected: list[str]) -> None:
    assert complete(line) == expected


@pytest.mark.parametrize("name", verbs.NAMES)
def test_a_verbs_own_flags_are_completed(name: str) -> None:
    assert complete(f"dlrun {name} --") == sorted(flag.name for flag in verbs.verb(name).flags)
    assert name in complete(f"dlrun {name[:2]}")


def test_the_first_word_may_be_a_verb_a_key_or_a_group() -> None:
    assert {"train", "compare", "model=", "model.", "recipe=", "seed="} <= set(complete("dlrun "))
    assert "train" not in complete("dlrun model=mlp ")


def test_the_shell_is_answered_without_hydra_or_torch() -> None:
    code = (
        "import sys; from dlrun.cli.main import main; main(['-sc', 'query=bash'])\n"
        "print([name for name in ('hydra', 'omegaconf', 'torch', 'numpy', 'rich') if name in sys.modules])"
    )
    env = {**os.environ, "COMP_LINE": "dlrun model=mlp model.act"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "model.activation=\n[]\n"


def test_recipes_of_the_users_folders_are_completed_without_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("team").mkdir()
    Path("team/zebra.yaml").write_text("!!python/name:os.system")
    monkeypatch.setenv("DLRUN_RECIPES", f"none{os.pathsep}team")
    assert complete("dlrun recipe=ze") == ["recipe=zebra"]
    assert complete("dlrun cat ze") == ["zebra"]
