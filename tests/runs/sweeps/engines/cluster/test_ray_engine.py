"""dlrun.runs.sweeps.engines.cluster.ray_engine: points as tasks of a Ray cluster that is started on this machine."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.sweeps.cluster import RaySettings
from dlrun.errors import ConfigError
from dlrun.runs.sweeps.engines.cluster.probe import Needs, make_probe
from dlrun.runs.sweeps.engines.cluster.ray_engine import Ray
from tests.conftest import SHORT
from tests.runs.sweeps.engines.cluster.sweeps import (
    SMALL,
    check_a_point_is_pruned,
    check_a_stopped_point_goes_on,
    check_ctrl_c_saves,
    lose_one,
    starts,
    weights,
)

Dlrun = Callable[..., tuple[int, str, str]]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='Ray is not installed: pip install "dlrun[ray]"'
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster of two processors on this machine; this process is connected to it."""
    import ray

    ray.init(address="local", num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


def here() -> Ray:
    """Return a backend that waits less for the last lines of a job: all processes share a disk here."""
    backend = Ray(RaySettings(), jobs=None)
    backend.late_s = 0.5
    return backend


@needs_ray
def test_a_point_whose_worker_was_killed_goes_on_and_ends_in_the_same_bytes(
    cluster: Any, tmp_path: Path, dlrun: Dlrun, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("trainer.epochs=150",)
    rows, events = lose_one(here(), tmp_path / "s", *words, "seed=0,1")
    out, err = capfd.readouterr()
    assert "point 1 is submitted again: its Ray task ended (WorkerCrashedError): The worker died" in err
    assert out == ""
    assert [row.status for row in rows] == ["completed", "completed"]
    assert [len(starts(events, point)) for point in (0, 1)] == [1, 2]
    assert "a Ray task" in starts(events, 1)[0]
    assert dlrun(*SMALL, *words, "seed=1", "hydra.run.dir=alone", "--quiet")[0] == 0
    assert weights(tmp_path / "s" / "1") == weights(tmp_path / "alone")


@needs_ray
def test_as_many_jobs_as_the_cluster_holds(cluster: Any, tmp_path: Path) -> None:
    for settings, expected in ((RaySettings(), 2), (RaySettings(cpus=0.5), 4), (RaySettings(cpus=2), 1)):
        backend = Ray(settings, jobs=None)
        backend.open(tmp_path)
        assert backend.capacity == expected
        backend.close()
    assert Ray(RaySettings(), jobs=5).capacity == 5


@needs_ray
def test_a_job_that_fits_no_machine_is_told(cluster: Any, tmp_path: Path) -> None:
    backend = Ray(RaySettings(gpus=1), jobs=None)
    backend.open(tmp_path)
    probe = make_probe(Needs(tmp_path, tmp_path, []), tmp_path)
    with pytest.raises(ConfigError, match=r"No machine of the cluster has \{'CPU': 1, 'GPU': 1\} for a job"):
        backend.start_probes(probe)
    backend.close()


@needs_ray
def test_a_point_that_the_scheduler_stops_is_saved_and_goes_on(cluster: Any, tmp_path: Path, dlrun: Dlrun) -> None:
    check_a_stopped_point_goes_on(here(), tmp_path, dlrun)


@needs_ray
def test_ctrl_c_saves_the_points_that_run(cluster: Any, tmp_path: Path) -> None:
    check_ctrl_c_saves(here(), tmp_path)


@needs_ray
def test_the_search_can_stop_a_point(cluster: Any, tmp_path: Path) -> None:
    check_a_point_is_pruned(here(), tmp_path)


def test_without_ray_it_says_what_to_install(dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", "launch.engine=ray")
    assert code == 2
    assert 'This needs ray, which is not installed: pip install "dlrun[ray]".' in err
    assert not list(own_folder.glob("outputs/sweeps/*/*/0"))


class NoCluster:
    """A Ray that finds no cluster."""

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: object) -> None:
        raise ConnectionError(f"Nothing answers at\n{options['address']}.")


def test_a_cluster_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", NoCluster())  # type: ignore[arg-type]
    backend = Ray(RaySettings(address="head:6379"), jobs=None)
    with pytest.raises(ConfigError) as caught:
        backend.open(tmp_path)
    backend.close()
    (problem,) = caught.value.problems
    assert (problem.where, problem.id) == ("launch.engine=ray", "cluster")
    assert problem.message == (
        "No Ray cluster can be reached at launch.ray.address=head:6379: Nothing answers at head:6379.\n"
        "      Start one (ray start --head), name its address, or try it with launch.ray.address=local."
    )


@needs_ray
def test_a_probe_that_fails_is_told_with_its_error(cluster: Any, tmp_path: Path) -> None:
    backend = here()
    backend.open(tmp_path)

    def fails() -> None:
        raise ModuleNotFoundError("No module named 'my_plugin'")

    handles = backend.start_probes(fails)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="The task that looks at a machine failed:") as caught:
        backend.result(handles[0])
    backend.close()
    assert "ModuleNotFoundError: No module named 'my_plugin'" in str(caught.value)
