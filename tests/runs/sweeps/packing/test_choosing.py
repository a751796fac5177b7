"""Which built points are trained together, and what is told of the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.optim.device import Device
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.packing.choosing import Built, choose
from dlrun.runs.sweeps.packing.eligible import Mode
from dlrun.runs.sweeps.packing.loaded_once import LoadedOnce
from dlrun.training.build import Components, build_components
from dlrun.training.loading import Given, load_data

Change = Callable[[Components], Components]


def unchanged(components: Components) -> Components:
    return components


def chosen(
    folder: Path, count: int, *, mode: Mode = "on", change: Change = unchanged, of: int = 1
) -> tuple[list[int], list[int], list[str]]:
    """The numbers of the points that are packed and of those that are not, and why; `change` is made to point `of`."""
    catalog = Catalog()
    words = ["dataset=iris", "model=mlp", "device=cpu", "device.threads=1", f"seed={','.join(map(str, range(count)))}"]
    plans = plan_runs(parse_overrides(words, catalog, multirun=True), catalog)
    points = [
        (Point(number, plan, folder / str(number)), compose(plan, catalog).config) for number, plan in enumerate(plans)
    ]
    load = LoadedOnce(load_data)

    def build(config: RunConfig) -> Components:
        found = build_components(config, catalog, Given(load))
        return change(found) if config.seed == of else found

    def fail(point: Point, error: Exception) -> None:
        raise error

    packed, alone, reasons = choose(points, build, mode=mode, on_error=fail)
    assert all(isinstance(built, Built) for built in packed)
    return [built.point.number for built in packed], [point.number for point in alone], reasons


def test_points_of_one_structure_are_packed(own_folder: Path) -> None:
    assert chosen(own_folder, 3) == ([0, 1, 2], [], [])


def other_data(components: Components) -> Components:
    return dataclasses.replace(components, data=dataclasses.replace(components.data))


def other_batches(components: Components) -> Components:
    tree = {**components.config.tree, "trainer": {**components.config.tree["trainer"], "batch_size": 7}}
    return dataclasses.replace(components, config=dataclasses.replace(components.config, tree=tree))


def full_memory(components: Components) -> Components:
    memory = dataclasses.replace(components.memory, free=2 * components.memory.needed)
    return dataclasses.replace(components, memory=memory)


@pytest.mark.parametrize(
    ("change", "of", "alone", "why"),
    [
        (other_data, 1, [1], "its data depends on its seed"),
        (other_batches, 1, [1], "a setting that is auto came out different"),
        (full_memory, 0, [2], "the memory holds no more models at once"),
    ],
)
def test_a_point_that_does_not_fit_in_is_trained_alone(
    own_folder: Path, change: Change, of: int, alone: list[int], why: str
) -> None:
    packed = [number for number in range(3) if number not in alone]
    assert chosen(own_folder, 3, change=change, of=of) == (packed, alone, [why])


def test_three_that_are_left_are_too_few_for_auto(own_folder: Path) -> None:
    found = chosen(own_folder, 4, mode="auto", change=other_data)
    assert found == ([], [0, 1, 2, 3], ["its data depends on its seed", "too few others are like it"])


def test_what_holds_for_the_first_holds_for_all(own_folder: Path) -> None:
    def on_gpu(components: Components) -> Components:
        device = components.device
        cuda = type(device.torch)("cuda")
        return dataclasses.replace(components, device=Device(cuda, device.precision, device.threads))

    found = chosen(own_folder, 4, mode="auto", change=on_gpu, of=0)
    assert found == ([], [0, 1, 2, 3], ["launch.pack=auto packs on the CPU, where it was measured"])
