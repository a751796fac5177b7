"""dlrun.configuration.sweeps.cluster: what a sweep asks of a cluster is typed, and names are checked."""

from __future__ import annotations

import pytest

from dlrun.configuration.overrides import Request, parse_overrides
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.cluster import RaySettings, SlurmSettings

SUBMITIT, RAY = "launch.engine=submitit", "launch.engine=ray"


def request(*words: str) -> Request:
    return parse_overrides(words, Catalog(), multirun=True)


def test_a_setting_can_be_named_alone_or_in_a_mapping() -> None:
    found = request(SUBMITIT, "launch.slurm={partition: gpu, mem_gb: 8}", "launch.slurm.gpus_per_node=2")
    assert found.problems == ()
    assert found.sweep.launch.slurm == SlurmSettings(partition="gpu", mem_gb=8, gpus_per_node=2)
    assert request(RAY, "launch.ray.address=local", "launch.ray.cpus=0.5").sweep.launch.ray == RaySettings(
        address="local", cpus=0.5
    )


def test_without_any_the_defaults_hold() -> None:
    found = request("seed=0,1").sweep.launch
    assert (found.slurm, found.ray) == (SlurmSettings(), RaySettings())


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("launch.slurm.partitoin=gpu", 'A sweep has no such setting. Did you mean "launch.slurm.partition"?'),
        ("launch.ray.adress=auto", 'A sweep has no such setting. Did you mean "launch.ray.address"?'),
        (
            "launch.slurm={timeout: 3}",
            'launch.slurm has no field "timeout". Did you mean "launch.slurm.timeout_min"?',
        ),
        ("launch.slurm.timeout_min=0", "Expected a whole number from 1 to 1000000000, got 0."),
        ("launch.slurm.cluster=locl", 'Expected one of slurm, local, got "locl". Did you mean "local"?'),
        ("launch.ray.gpus=-1", "Expected a number from 0 to 1024, got -1."),
        (
            "launch.slurm.qos=a,b",
            "launch.slurm.qos is a setting of the sweep itself and cannot be swept. For a list, write [A,B].",
        ),
    ],
)
def test_mistakes_are_told_with_the_nearest_name(word: str, what: str) -> None:
    engine = SUBMITIT if "slurm" in word else RAY
    assert [(each.where, each.message) for each in request(engine, word).problems] == [(word, what)]


@pytest.mark.parametrize(
    ("words", "wanted", "given"),
    [
        (("launch.slurm.partition=gpu",), "submitit", "local"),
        (("launch.ray.cpus=2", SUBMITIT), "ray", "submitit"),
        (("launch.slurm={partition: gpu}", RAY), "submitit", "ray"),
    ],
)
def test_a_setting_of_another_engine_is_told(words: tuple[str, ...], wanted: str, given: str) -> None:
    (problem,) = request(*words).problems
    assert (problem.where, problem.id, problem.fix) == (words[0], "other-engine", f"launch.engine={wanted}")
    assert problem.message == (
        f"Only launch.engine={wanted} uses this; here it is launch.engine={given}. Add launch.engine={wanted}."
    )
