"""Fixtures of all tests: an empty folder for each test, one CPU thread, and a short run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tests run side by side

import pytest

from dlrun.cli.main import main
from dlrun.runs.sweeps.engines.local import processes
from tests.cradle import start_nursery


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in an empty folder, so that none writes into the checkout or the user's cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


@pytest.fixture(scope="session", autouse=True)
def quick_sweeps() -> Iterator[None]:
    """Sweeps of this process fork their first process; those of commands, and tests/runs/sweeps, start it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "start_nursery", start_nursery)
        yield


@pytest.fixture(autouse=True)
def own_process_state() -> Iterator[None]:
    """Undo what a run sets up in its process, so that the next test starts as a new process does."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers  # Hydra's own flags point them at a stream that the test closes
    logging.getLogger().setLevel(level)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # a sweep's Hydra disables every logger, also the one that answers `--info`
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)
        if torch.are_deterministic_algorithms_enabled():
            torch.use_deterministic_algorithms(False)


SHORT = (
    "dataset=iris", "model=linear", "trainer.epochs=2", "trainer.batch_size=32", "device.threads=1", "device=cpu",
)  # fmt: skip


@pytest.fixture
def short_run(own_folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Path]:
    """Train a linear model on iris for two epochs, with overrides; returns the run's folder."""

    def train(name: str, *overrides: str) -> Path:
        code = main([*SHORT, f"hydra.run.dir={name}", "--quiet", *overrides])
        out = capfd.readouterr()
        assert code == 0, out.err
        return own_folder / name

    return train


@pytest.fixture
def dlrun(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a command line in this process; returns exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out = capfd.readouterr()
        return code, out.out, out.err

    return run  # type: ignore[return-value]
