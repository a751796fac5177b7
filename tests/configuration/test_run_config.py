from __future__ import annotations

from typing import Any

from dlrun.configuration.check_request import uncomposed_tree
from dlrun.configuration.run_config import Choice, build_run_config
from dlrun.configuration.schema import settings
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import Augment
from dlrun.configuration.schema.groups import default_choices


def tree(**values: Any) -> dict[str, Any]:
    """The default tree with values by key, dots written as two underscores; a group's key chooses its option."""
    catalog = Catalog()
    chosen = {**default_choices(), **{key: value for key, value in values.items() if key in default_choices()}}
    options = [catalog.option(group, name) for group, name in chosen.items()]
    fields = {key.replace("__", "."): value for key, value in values.items() if key not in default_choices()}
    return uncomposed_tree(options, {"seed": 0, "resume": "never", "metric": "auto", "recipe": {}, **fields})


def test_a_tree_becomes_a_typed_configuration() -> None:
    built = build_run_config(tree(model__kernel=5, trainer__early_stop={"patience": 2}), Catalog())
    assert built.model == Choice("model", "cnn", {**built.model.arguments})
    assert built.model["kernel"] == 5
    assert set(built.optimizer.arguments) == {"lr", "beta1", "beta2", "eps", "weight_decay"}
    assert built.trainer == settings.TrainerSettings(early_stop=settings.EarlyStop(patience=2))
    assert built.checkpoint == settings.CheckpointSettings()
    assert built.device_settings == settings.DeviceSettings()
    assert built.dataset_settings.augment == Augment(shift="auto")  # type: ignore[arg-type]  # until it is resolved
    assert built.device_name == "auto"
    assert (built.seed, built.resume, built.metric) == (0, "never", "auto")


def test_the_digest_tells_what_decides_and_nothing_else() -> None:
    base = build_run_config(tree(), Catalog()).sha256
    assert len(base) == 64
    assert build_run_config(tree(resume="auto", recipe={"title": "x"}), Catalog()).sha256 == base
    assert build_run_config(dict(reversed(tree().items())), Catalog()).sha256 == base
    assert build_run_config(tree(seed=1), Catalog()).sha256 != base
    assert build_run_config(tree(model__kernel=5), Catalog()).sha256 != base
