from __future__ import annotations

from tests.lint.rules.conftest import Only, WritePlugin


def test_a_loss_without_a_gradient_is_an_error(write_plugin: WritePlugin, only: Only) -> None:
    cut = "class Cut(nn.Linear):\n    def forward(self, x):\n        return super().forward(x).detach()\n"
    plugin = write_plugin("cut", "Cut(4, 3)", before=cut)
    found = only("detached-loss", "dataset=iris", "model=cut", plugins=(plugin,))
    assert (found.severity, found.key, found.fix) == ("error", "model", None)
    assert "No gradient of the loss reaches a parameter" in found.message
