"""`dlrun show`: the composed configuration and the origin of its values."""

from __future__ import annotations

import json
from collections.abc import Callable

Dlrun = Callable[..., tuple[int, str, str]]


def test_show_prints_the_composed_configuration(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("show", "model=mlp", "model.hidden=[3,4]", "--json")
    tree = json.loads(out)
    assert tree["model"]["hidden"] == [3, 4]
    assert tree["recipe"] == {"format": 1}
    _, out, _ = dlrun("show", "model=mlp")
    assert "\nmodel:\n  name: mlp\n  hidden: [128, 128]\n" in out


def test_why_names_what_set_a_value(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("show", "recipe=mlp_digits", "optimizer.lr=0.01", "--why", "optimizer.lr")
    assert "override optimizer.lr=0.01" in out
    _, out, _ = dlrun("show", "recipe=mlp_digits", "--why", "trainer.epochs")
    assert "mlp_digits.yaml" in out
    _, out, _ = dlrun("show", "--why", "model.kernel")
    assert "conf/model/cnn.yaml" in out
