"""What changes the weights of a run bit by bit, and what does not; README says the same in words.

Elsewhere: streaming and workers (tests/data/loading/test_streaming.py), stopping and resuming
(tests/training/test_trainer.py, tests/faults), steps of fused optimizers against torch's own
(tests/optim/test_kernels.py), texts of similar length against packed sequences (tests/options/models/test_rnn.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.split import Loader, MemorySplit
from dlrun.data.spec import Batch, Scaling
from dlrun.report import listeners as watch
from dlrun.storage.background import Saver
from dlrun.storage.checkpoints import Snapshot
from dlrun.training.build import Components, build_components

Dlrun = Callable[..., tuple[int, str, str]]

CNN = (
    "dataset=digits", "dataset.limit=120", "model=cnn", "model.channels=[4,8]", "model.hidden=[16]", "trainer.epochs=3",
    "trainer.batch_size=16", "optimizer=adam", "optimizer.lr=0.01", "scheduler=none", "dataset.augment.shift=0",
    "device=cpu", "device.threads=1",
)  # fmt: skip
MLP = (
    "dataset=digits", "dataset.limit=120", "model=mlp", "model.hidden=[16]", "trainer.epochs=3",
    "trainer.batch_size=16", "optimizer=adam", "optimizer.lr=0.01", "device=cpu", "device.threads=1",
)  # fmt: skip


@pytest.fixture
def trained(dlrun: Dlrun, own_folder: Path) -> Callable[..., dict[str, bytes]]:
    """Train with overrides; return the bytes of the last checkpoint's tensors: model, optimizer and random states."""

    def train(*words: str, quiet: bool = True) -> dict[str, bytes]:
        name = f"run{len(list(own_folder.iterdir()))}"
        code, _, err = dlrun(*words, f"hydra.run.dir={name}", *(["--quiet"] if quiet else []))
        assert code == 0, err
        last = own_folder / name / "checkpoints" / (own_folder / name / "checkpoints" / "last").read_text().strip()
        return {path.name: path.read_bytes() for path in last.glob("*.safetensors")}

    return train


WITHOUT_EFFECT = (
    ("trainer.log_every=0",),
    ("trainer.log_every=1",),
    ("trainer.eval_every=0",),
    ("trainer.eval_every_steps=3",),
    ("trainer.eval_batch_size=7",),
    ("checkpoint.every_epochs=0",),
    ("checkpoint.every_steps=2", "checkpoint.keep=1"),
    ("trainer.workers=2",),
    ("trainer.max_time=1h",),
    ("metric=loss",),
    ("device.deterministic=true",),
    ("--profile",),
)


def test_logging_evaluating_saving_and_profiling_change_no_byte(trained: Callable[..., dict[str, bytes]]) -> None:
    without = trained(*CNN)
    assert set(without) == {"model.safetensors", "optimizer.safetensors", "random.safetensors"}
    for words in WITHOUT_EFFECT:
        assert trained(*CNN, *words) == without, words


def test_the_console_changes_no_byte(trained: Callable[..., dict[str, bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    without = trained(*CNN)
    assert trained(*CNN, quiet=False) == without  # plain lines
    monkeypatch.setattr(watch, "is_live", lambda stream: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert trained(*CNN, quiet=False) == without  # a progress bar


def test_saving_in_the_background_or_in_the_loop_is_the_same(
    trained: Callable[..., dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_background = trained(*CNN, "checkpoint.every_steps=1")

    def save(saver: Saver, snapshot: Snapshot, *, is_best: bool) -> None:
        saver._store.save(snapshot, is_best=is_best)

    monkeypatch.setattr(Saver, "save", save)
    assert trained(*CNN, "checkpoint.every_steps=1") == in_background


@pytest.mark.parametrize("channels_last", [False, True])
def test_images_scaled_batch_by_batch_equal_images_scaled_beforehand(*, channels_last: bool) -> None:
    pixels = torch.randint(0, 256, (50, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    shift, deviation = (101.0, 90.5, 3.25), (7.0, 61.3, 80.1)
    classes = torch.arange(50) % 10
    as_bytes = MemorySplit(pixels, classes, scaling=Scaling(shift, deviation, low=0.0, high=255.0))
    factors = torch.tensor(deviation).reciprocal().reshape(3, 1, 1)
    as_floats = MemorySplit((pixels.float() - torch.tensor(shift).reshape(3, 1, 1)) * factors, classes)
    for split in (as_bytes, as_floats):
        split.channels_last = channels_last
    ours, theirs = (list(Loader(split, batch_size=8, seed=1, shuffle=True).epoch(0)) for split in (as_bytes, as_floats))
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine.inputs, other.inputs)
        assert mine.inputs.stride() == other.inputs.stride()
        assert torch.equal(mine.targets, other.targets)


def test_batches_sliced_from_tensors_equal_rows_stacked_one_by_one() -> None:
    inputs = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    split = MemorySplit(inputs, torch.arange(50))
    for batch in Loader(split, batch_size=8, seed=1, shuffle=True).epoch(0):
        assert torch.equal(batch.inputs, torch.stack([inputs[row] for row in batch.targets.tolist()]))


def by_hand(
    words: tuple[str, ...], *, fused: bool = True, flush: bool = True, channels_last: bool = True
) -> dict[str, Tensor]:
    """Return the weights after a plain PyTorch loop over the batches that dlrun draws from the seed."""
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    components = build_components(compose(plan, catalog).config, catalog)
    torch.set_flush_denormal(flush)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = components.task.to(memory_format=layout)  # type: ignore[call-overload]  # the stubs lack memory_format
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    for batch in batches(components, epochs=3):
        loss = nn.functional.cross_entropy(model.model(batch.inputs.contiguous(memory_format=layout)), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name.removeprefix("model."): value.detach() for name, value in model.state_dict().items()}


def batches(components: Components, *, epochs: int) -> list[Batch]:
    loader = Loader(components.data.train, batch_size=16, seed=0, shuffle=True)
    return [batch for epoch in range(epochs) for batch in loader.epoch(epoch)]


@pytest.mark.parametrize("words", [CNN, MLP], ids=["cnn", "mlp"])
def test_a_run_ends_with_the_bytes_of_a_plain_loop(words: tuple[str, ...], dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun(*words, "--quiet", "hydra.run.dir=run")
    assert code == 0, err
    last = (own_folder / "run" / "checkpoints" / "last").read_text().strip()
    ours = load_file(own_folder / "run" / "checkpoints" / last / "model.safetensors")
    theirs = by_hand(words)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("other", [{"fused": False}, {"channels_last": False}], ids=["not fused", "channels first"])
def test_other_kernels_differ_in_the_last_bits_only(other: dict[str, bool]) -> None:
    quick, usual = by_hand(CNN), by_hand(CNN, **other)
    for name in quick:
        torch.testing.assert_close(quick[name], usual[name], rtol=1e-4, atol=1e-5)


def test_flushing_changes_nothing_without_denormal_numbers() -> None:
    flushed, kept = by_hand(CNN, flush=True), by_hand(CNN, flush=False)
    assert all(torch.equal(flushed[name], kept[name]) for name in flushed)


def test_a_run_flushes_denormal_numbers_to_zero(dlrun: Dlrun) -> None:
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    torch.set_flush_denormal(False)
    halved = torch.full((64,), 1e-38)
    assert float(halved.mul(0.5).sum()) > 0
    code, _, err = dlrun(*MLP, "--quiet", "trainer.epochs=1")
    assert code == 0, err
    assert float(halved.mul(0.5).sum()) == 0


def test_the_rule_for_threads_gives_the_bytes_of_its_number_and_resuming_keeps_it(
    trained: Callable[..., dict[str, bytes]], dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        "dataset=digits", "model=cnn", "model.channels=[32,64]", "dataset.limit=130", "trainer.batch_size=64",
        "trainer.epochs=2", "scheduler=none", "dataset.baselines=false", "device=cpu",
    )  # fmt: skip
    before = torch.get_num_threads()
    try:
        monkeypatch.setattr("dlrun.optim.device.own_cores", lambda processes=1: 2)
        by_rule, again, by_hand = trained(*words), trained(*words), trained(*words, "device.threads=2")
        assert by_rule == again == by_hand
        assert "threads: 2" in (own_folder / "run0" / "config.yaml").read_text()
        _, _, said = dlrun(*words, "hydra.run.dir=short", "trainer.max_steps=2", "trainer.epochs=2")
        assert "cpu, auto (2 threads), fp32" in said
        monkeypatch.setattr("dlrun.optim.device.own_cores", lambda processes=1: 1)  # another machine, or fewer cores
        for go_on in ((*words, "resume=auto", "hydra.run.dir=short"), ("resume", "short", "trainer.max_steps=null")):
            assert dlrun(*go_on)[0] == 0
            last = own_folder / "short" / "checkpoints" / (own_folder / "short/checkpoints/last").read_text().strip()
            assert {path.name: path.read_bytes() for path in last.glob("*.safetensors")} == by_rule
            assert "threads: 2" in (own_folder / "short" / "config.yaml").read_text()
    finally:
        torch.set_num_threads(before)
