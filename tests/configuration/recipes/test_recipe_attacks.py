"""What hostile recipes are told, beyond what `tests/hostile` checks of every one of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.recipes.recipe import load_recipe
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError
from tests.hostile.corpus import HERE

RECIPES = HERE / "recipes"
CALLS = sorted(
    path.name for path in RECIPES.glob("call_target_*_*.yaml") if not {"in", "key"} & set(path.stem.split("_"))
)
PLAIN_DATA = {
    "harmless_package_header.yaml": {"seed": 3},
    "harmless_package_header_of_hydra.yaml": {"seed": 3},
    "harmless_document_mark.yaml": {"seed": 3},
    "harmless_yaml_directive.yaml": {"seed": 3},
    "harmless_quoted_target.yaml": {"metric": "_target_"},
    "harmless_override_words.yaml": {"metric": "a,b hydra.run.dir=/etc"},
    "harmless_closing_quote.yaml": {"metric": 'x" hydra.mode=MULTIRUN "'},
    "harmless_backslashes.yaml": {"metric": 'x\\\\" \\'},
    "harmless_choice_of_a_sweep.yaml": {"metric": "choice(a,b)"},
}
LARGE = {
    "a megabyte": "recipe: {format: 1, notes: " + "x" * 1_000_000 + "}",
    "many values": "seed: [" + "1," * 30_000 + "1]",
    "many keys": "\n".join(f"k{i}: 1" for i in range(6_000)),
    "a hundred thousand values": "seed: [" + "1," * 100_000 + "1]",
    "deep lists": "seed: " + "[" * 5000 + "]" * 5000,
    "deep mappings": "seed: " + "{a: " * 5000 + "1" + "}" * 5000,
    "deep blocks": "\n".join(" " * i + "a:" for i in range(300)),
    "points": f"sweep: {{seed: {list(range(1000))}, trainer.epochs: {list(range(1, 1001))}}}",
}


def refusal_of(raw: bytes) -> str:
    """What a user is told about a recipe; that it is refused at once."""
    Path("evil.yaml").write_bytes(raw)
    start = time.process_time()  # other processes must not count
    catalog = Catalog()
    with pytest.raises(ConfigError) as caught:
        plan_runs(parse_overrides(["recipe=./evil.yaml"], catalog, multirun=True), catalog)
    with pytest.raises(ConfigError):
        load_recipe("./evil.yaml", catalog)
    assert time.process_time() - start < 1
    return str(caught.value)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_refused_for_being_one(name: str) -> None:
    said = refusal_of((RECIPES / name).read_bytes())
    assert 'A recipe is data, never code; it cannot contain "_target_".' in said
    assert len(said) < 4000


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE.keys())
def test_a_large_recipe_is_refused_at_once(text: str) -> None:
    said = refusal_of(text.encode())
    assert "evil.yaml" in said
    assert len(said) < 4000


@pytest.mark.parametrize(("name", "set_to"), PLAIN_DATA.items())
def test_what_only_looks_like_an_attack_is_plain_data(name: str, set_to: dict[str, object]) -> None:
    Path("evil.yaml").write_bytes((RECIPES / name).read_bytes())
    catalog = Catalog()
    composed = compose(plan_runs(parse_overrides(["recipe=./evil.yaml"], catalog), catalog)[0], catalog)
    assert {key: composed.config.tree[key] for key in set_to} == set_to
    assert composed.run_dir.startswith("outputs/")


def test_markup_in_a_title_is_kept_as_it_is_written() -> None:
    Path("evil.yaml").write_text("recipe: {format: 1, title: '[link=file:///etc]x[/]'}")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["recipe=./evil.yaml"], catalog), catalog)
    assert plan.recipe is not None
    assert plan.recipe.title == "[link=file:///etc]x[/]"


def test_the_letter_that_gives_a_homoglyph_away_is_written_out() -> None:
    assert 'Unknown key "m\\u043edel". Did you mean "model"?' in refusal_of("m\u043edel: {name: cnn}".encode())


def test_a_control_character_is_refused_also_in_a_comment() -> None:
    assert "evil.yaml:2: contains a control character (\\u202e)." in refusal_of("# fine\nseed: 1 # a\u202eb".encode())


@pytest.mark.parametrize("root", ["/", "~/.ssh", "data", "../x"])
def test_a_recipe_chooses_no_folder_that_is_written_to(root: str) -> None:
    told = f'A recipe cannot choose a folder that is written to, got "{root}". Set it on the command line:'
    assert told in refusal_of(f"dataset: {{name: mnist, root: {root}}}".encode())
    assert told in refusal_of(f"dataset: {{name: mnist}}\nsweep: {{dataset.root: [{root}]}}".encode())


def test_the_folder_of_downloads_is_the_users_own_choice() -> None:
    Path("fine.yaml").write_text("dataset: {name: mnist, root: /}")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["recipe=./fine.yaml", "dataset.root=mine"], catalog), catalog)
    assert plan.values()["dataset.root"].value == "mine"
    Path("same.yaml").write_text("dataset: {name: mnist, root: ~/.cache/dlrun/mnist}")  # as in a run's config.yaml
    assert plan_runs(parse_overrides(["recipe=./same.yaml"], catalog), catalog)
    assert load_recipe("./fine.yaml", catalog, own=True).values["dataset.root"] == "/"
