"""Recipes that mean harm: each is refused in words or shown harmless, and none runs, writes or imports anything."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.recipe import load_recipe
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError

TARGETS = (
    "os.system", "posix.system", "builtins.eval", "builtins.exec", "subprocess.Popen", "runpy.run_path",
    "importlib.import_module", "pickle.loads", "torch.load", "torch.hub.load", "numpy.load",
    "torch.utils.cpp_extension.load_inline", "ctypes.CDLL", "yaml.unsafe_load", "shutil.rmtree",
    "pathlib.Path.write_text",
)  # fmt: skip
CALL = "{_target_: os.system, _args_: ['touch pwned']}"
GAN = "model: {name: gan, generator_optimizer: "
CALLS = {
    **{f"target {target}": f"model: {{_target_: {target}, name: cnn}}" for target in TARGETS},
    "target at the top": "_target_: os.system\n_args_: ['touch pwned']",
    "target as a whole group": f"dataset: {CALL}",
    "target as a field": f"model: {{name: cnn, kernel: {CALL}}}",
    "target in a list": f"model: {{name: cnn, channels: [{CALL}]}}",
    "target in a free mapping": f"{GAN}{CALL}}}",
    "target nested in a free mapping": f"{GAN}{{lr: {CALL}}}}}",
    "target in a sweep": f"sweep: {{optimizer.lr: [{CALL}]}}",
    "target as a swept key": "sweep: {model._target_: [os.system]}",
    "target as a dotted key": "model._target_: os.system",
    "target in about": f"recipe: {{format: 1, title: {CALL}}}",
    "target in notes of an expectation": f"recipe: {{format: 1, expect: {{test/a: {CALL}}}}}",
    "target in plugins": f"recipe: {{format: 1, plugins: {{a: {CALL}}}}}",
    "target as a name": f"model: {{name: {CALL}}}",
    "partial call": "model: {name: cnn, _partial_: true}",
    "target inside args": f"model: {{name: cnn, _args_: [{CALL}]}}",
    "target put together": "model: {name: cnn, _target_: '${a}.${b}'}",
    "import path as a name": "model: {name: os.system}",
    "file as a name": "model: {name: ../../evil}",
    "plugin": "plugin: evil.py",
    "plugins": "plugins: [evil.py]",
    "config dir": "config_dir: /tmp",
}
HYDRA = {
    name: f"hydra: {node}"
    for name, node in {
        "callbacks": f"{{callbacks: {{x: {CALL}}}}}",
        "launcher": "{launcher: {_target_: os.system}}",
        "sweeper": "{sweeper: {params: {model: 'choice(a, b)'}}}",
        "job logging": "{job_logging: {handlers: {f: {(): os.system, filename: pwned}}}}",
        "hydra logging": "{hydra_logging: {version: 1}}",
        "env set": "{job: {env_set: {LD_PRELOAD: evil.so, PYTHONPATH: .}}}",
        "allow list": "{job: {env_set: {HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE: '*'}}}",
        "env copy": "{job: {env_copy: [AWS_SECRET_ACCESS_KEY]}}",
        "run dir": "{run: {dir: /etc}}",
        "sweep subdir": "{sweep: {subdir: ../../x}}",
        "searchpath pkg": "{searchpath: ['pkg://evil']}",
        "searchpath file": "{searchpath: ['file:///tmp']}",
        "mode": "{mode: MULTIRUN}",
        "null": "null",
        "text": "x",
    }.items()
} | {
    "hydra dotted": "hydra.run.dir: /etc",
    "hydra slashed": "hydra/launcher: submitit",
    "hydra forced": "'++hydra.mode': MULTIRUN",
    "hydra within": "trainer: {hydra: {mode: MULTIRUN}}",
    "hydra in a free mapping": f"{GAN}{{hydra: 1}}}}",
    "hydra swept": "sweep: {hydra.run.dir: [/etc]}",
    "hydra swept by group": "sweep: {hydra/launcher: [x]}",
    "hydra swept forced": "sweep: {+hydra.launcher: [x]}",
    "defaults": "defaults: [../../etc/x]",
    "defaults override": "defaults: [{override hydra/launcher: x}]",
    "defaults within": "model: {name: cnn, defaults: [../x]}",
    "run dir of its own": "run_dir: /etc",
    "output folder": "outputs: /etc",
}
YAML = {
    "python object": "seed: !!python/object/apply:os.system ['touch pwned']",
    "python name": "seed: !!python/name:os.system",
    "python module": "seed: !!python/module:os",
    "python object new": "!!python/object/new:os.system [touch pwned]",
    "own tag": "seed: !evil 1",
    "binary": "seed: !!binary aGk=",
    "tag on a key": "!!python/name:os.system : 1",
    "anchor": "seed: &a 1",
    "alias": "seed: &a 1\nmodel: *a",
    "alias alone": "seed: *a",
    "alias bomb": "a: &a [x, x]\n"
    + "\n".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)),
    "merge key": "trainer: {<<: {epochs: 3}}",
    "duplicate key": "seed: 1\nseed: 2",
    "duplicate key within": "model: {name: cnn, name: mlp}",
    "deep lists": "seed: " + "[" * 5000 + "]" * 5000,
    "deep mappings": "seed: " + "{a: " * 5000 + "1" + "}" * 5000,
    "deep blocks": "\n".join(" " * i + "a:" for i in range(300)),
    "a megabyte": "recipe: {format: 1, notes: " + "x" * 1_000_000 + "}",
    "many values": "seed: [" + "1," * 30_000 + "1]",
    "many keys": "\n".join(f"k{i}: 1" for i in range(6_000)),
    "a hundred thousand values": "seed: [" + "1," * 100_000 + "1]",
    "several documents": "seed: 1\n---\nhydra: {mode: MULTIRUN}",
    "complex key": "? [a, b]\n: 1",
    "homoglyph key": "m\u043edel: {name: cnn}",
    "homoglyph field": "model: {name: cnn, k\u0435rnel: 3}",
    "homoglyph target": "_t\u0430rget_: os.system",
    "full width key": "\uff53\uff45\uff45\uff44: 1",
    "bidi key": "se\u202eed: 1",
    "bidi text": "recipe: {format: 1, title: 'a\u202eb'}",
    "zero width": "se\u200bed: 1",
    "escape code": 'recipe: {format: 1, title: "\\e[2Jgone"}',
    "escape in a key": '"\\e[2J": 1',
    "bell": 'seed: "\\a"',
    "octal": "seed: 0o17",
    "old octal": "seed: 017",
    "hexadecimal": "seed: 0x10",
    "underscores": "seed: 1_000",
    "sexagesimal": "seed: 1:30",
    "no for false": "device: {compile: no}",
    "yes for true": "device: {compile: yes}",
    "not a number": "optimizer: {name: adam, lr: .nan}",
    "infinite": "optimizer: {name: adam, lr: .inf}",
    "too large a number": "optimizer: {name: adam, lr: 1e999}",
    "timestamp": "seed: 2026-01-01",
    "list at the top": "- seed",
    "text at the top": "seed",
}
RESOLVERS = {
    "environment": "metric: ${oc.env:AWS_SECRET_ACCESS_KEY}",
    "environment in a name": "model: {name: '${oc.env:HOME}'}",
    "environment in a title": "recipe: {format: 1, title: '${oc.env:HOME}'}",
    "environment in a list": "model: {name: cnn, channels: ['${oc.env:HOME}']}",
    "environment in a key": "'${oc.env:HOME}': 1",
    "environment in a sweep": "sweep: {seed: ['${oc.env:HOME}']}",
    "environment in a free mapping": f"{GAN}{{lr: '${{oc.env:HOME}}'}}}}",
    "decode": "seed: ${oc.decode:'{_target_: os.system}'}",
    "create": "seed: ${oc.create:{a: 1}}",
    "nested": "metric: ${${a}}",
    "escaped": "metric: \\${oc.env:HOME}",
    "relative": "seed: ${..seed}",
}
DOMAIN = {
    "width": "model: {name: mlp, hidden: [1000000000]}",
    "filters": "model: {name: cnn, channels: [1000000000]}",
    "depth of a list": "model: {name: cnn, kernel: [[3]]}",
    "epochs": "trainer: {epochs: 1000000000000}",
    "threads": "device: {threads: 10000000000}",
    "mirror from files": "dataset: {name: mnist, mirrors: ['file:///etc/']}",
    "mirror of a cloud": "dataset: {name: mnist, mirrors: ['http://169.254.169.254/latest/meta-data/']}",
    "mirror in a sweep": "dataset: {name: mnist}\nsweep: {dataset.mirrors: [['file:///etc/']]}",
    "mirror in a sweep of another dataset": "sweep: {dataset: [digits, mnist], dataset.mirrors: [['file:///etc/']]}",
    "markup as a name": "model: {name: '[bold red]x[/]'}",
    "swept out of bounds": "sweep: {seed: [" + ",".join(map(str, range(1000))) + "], trainer.epochs: ["
    + ",".join(map(str, range(1, 1001))) + "]}",
    "sweeping recipes": "sweep: {recipe: [other]}",
    "sweeping names": "sweep: {model.name: [cnn]}",
    "recipe of a recipe": "recipe: {format: 1, recipe: other}",
    "recipe as a list": "recipe: [1]",
    "recipe as false": "recipe: false",
    "expectation not a number": "recipe: {format: 1, expect: {test/a: [.nan, .nan]}}",
    "expectation infinite": "recipe: {format: 1, expect: {test/a: [0, .inf]}}",
    "expectation deep": "recipe: {format: 1, expect: {test/a: [[0], [1]]}}",
    "format text": "recipe: {format: '1'}",
    "format huge": "recipe: {format: 99999999999999999999}",
}  # fmt: skip
REFUSED = {**CALLS, **HYDRA, **YAML, **RESOLVERS, **DOMAIN}
RAW = {
    "invalid UTF-8": b"seed: \xc3\x28",
    "overlong UTF-8": b"seed: \xc0\xaf",
    "surrogate": b"seed: \xed\xa0\x80",
    "UTF-16": "seed: 1".encode("utf-16"),
    "UTF-32": "seed: 1".encode("utf-32"),
    "NUL": b"seed: 1\x00",
    "NUL in a text": b"metric: 'a\x00b'",
    "pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "zip": b"PK\x03\x04" + b"\x00" * 100,
    "next line": b"seed: 1\xc2\x85hydra: {}",
}
HARMLESS = {
    "package header": ("# @package _global_\nseed: 3", {"seed": 3}),
    "package header of hydra": ("# @package hydra\nseed: 3", {"seed": 3}),
    "document mark": ("---\nseed: 3\n...\n", {"seed": 3}),
    "YAML directive": ("%YAML 1.1\n---\nseed: 3", {"seed": 3}),
    "quoted target": ("metric: _target_", {"metric": "_target_"}),
    "override words": ("metric: 'a,b hydra.run.dir=/etc'", {"metric": "a,b hydra.run.dir=/etc"}),
    "closing quote": ("metric: 'x\" hydra.mode=MULTIRUN \"'", {"metric": 'x" hydra.mode=MULTIRUN "'}),
    "backslashes": ("metric: 'x\\\\\" \\'", {"metric": 'x\\\\" \\'}),
    "choice of a sweep": ("metric: choice(a,b)", {"metric": "choice(a,b)"}),
}


@pytest.fixture
def bait(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which anything that was run or written would show."""
    Path("evil.py").write_text("open('pwned', 'w').close()\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    return Path.cwd()


def refusal_of(raw: bytes) -> str:
    """What a user is told about a recipe; that it is refused, at once, and leaves no trace."""
    Path("evil.yaml").write_bytes(raw)
    before, start = sorted(os.listdir()), time.perf_counter()
    catalog = Catalog()
    with pytest.raises(ConfigError) as caught:
        plan_runs(parse_overrides(["recipe=./evil.yaml"], catalog, multirun=True), catalog)
    with pytest.raises(ConfigError):
        load_recipe("./evil.yaml", catalog)
    assert time.perf_counter() - start < 1
    assert sorted(os.listdir()) == before
    assert caught.value.problems
    return str(caught.value)


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_an_attack_is_refused_in_words(bait: Path, text: str) -> None:
    said = refusal_of(text.encode())
    assert "evil.yaml" in said
    assert "hunter2" not in said
    assert all(char.isprintable() or char == "\n" for char in said)
    assert len(said) < 4000


@pytest.mark.parametrize("target", TARGETS)
def test_a_call_is_refused_for_being_one(bait: Path, target: str) -> None:
    assert 'A recipe is data, never code; it cannot contain "_target_".' in refusal_of(
        CALLS[f"target {target}"].encode()
    )


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
def test_bytes_that_are_no_text_are_refused_in_words(bait: Path, raw: bytes) -> None:
    said = refusal_of(raw)
    assert "evil.yaml" in said
    assert all(char.isprintable() or char == "\n" for char in said)


@pytest.mark.parametrize(("text", "set_to"), HARMLESS.values(), ids=HARMLESS.keys())
def test_what_only_looks_like_an_attack_is_plain_data(bait: Path, text: str, set_to: dict[str, object]) -> None:
    Path("evil.yaml").write_text(text)
    catalog = Catalog()
    composed = compose(plan_runs(parse_overrides(["recipe=./evil.yaml"], catalog), catalog)[0], catalog)
    assert {key: composed.config.tree[key] for key in set_to} == set_to
    assert composed.run_dir.startswith("outputs/")
    assert sorted(os.listdir()) == ["evil.py", "evil.yaml"]


def test_markup_in_a_title_is_kept_as_it_is_written(bait: Path) -> None:
    Path("evil.yaml").write_text("recipe: {format: 1, title: '[link=file:///etc]x[/]'}")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["recipe=./evil.yaml"], catalog), catalog)
    assert plan.recipe is not None
    assert plan.recipe.title == "[link=file:///etc]x[/]"


def test_the_letter_that_gives_a_homoglyph_away_is_written_out(bait: Path) -> None:
    assert 'Unknown key "m\\u043edel". Did you mean "model"?' in refusal_of("m\u043edel: {name: cnn}".encode())


def test_no_attack_imports_torch_or_composes(bait: Path) -> None:
    for number, raw in enumerate([*(text.encode() for text in REFUSED.values()), *RAW.values()]):
        Path(f"evil{number}.yaml").write_bytes(raw)
    code = (
        "import sys, pathlib\n"
        "from dlrun.configuration.recipe import load_recipe; from dlrun.errors import ConfigError\n"
        "from dlrun.configuration.schema.catalog import Catalog\n"
        "refused = 0\n"
        "for path in sorted(pathlib.Path('.').glob('*.yaml')):\n"
        "    try: load_recipe(f'./{path}', Catalog())\n"
        "    except ConfigError: refused += 1\n"
        "print(refused, [name for name in ('torch', 'hydra', 'omegaconf', 'multiprocessing') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(REFUSED) + len(RAW)} []\n"
    assert not Path("pwned").exists()
