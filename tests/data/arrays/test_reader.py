"""dlrun.data.arrays.reader: rows read from a file are those of the array, in any order."""

from __future__ import annotations

import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from dlrun.data.arrays.reader import ArrayReader, place_of
from dlrun.errors import DataError


def as_floats(raw: Any, *, factor: float) -> Tensor:
    return torch.from_numpy(raw.astype(np.float32) * factor)


def reader(path: Path, name: str = "x") -> ArrayReader:
    place = place_of(path, name)
    assert place is not None
    return ArrayReader(place, partial(as_floats, factor=2.0))


@settings(deadline=None)
@given(rows=st.lists(st.integers(0, 19), max_size=30), ending=st.sampled_from([".npy", ".safetensors"]))
def test_any_rows_in_any_order_are_those_of_the_array(
    rows: list[int], ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / f"x{ending}"
    array = np.arange(60, dtype=np.int16).reshape(20, 3)
    if ending == ".npy":
        np.save(path, array)
    else:
        save_file({"before": torch.zeros(5), "x": torch.from_numpy(array)}, path)
    found = reader(path)
    assert (len(found), found.shape, found.dtype) == (20, (20, 3), torch.float32)
    assert found.read(rows).tolist() == (2.0 * array[rows]).tolist()


def test_a_reader_can_be_pickled(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6).reshape(3, 2))
    found = reader(tmp_path / "x.npy")
    assert found.read([2]).tolist() == [[8, 10]]
    assert pickle.loads(pickle.dumps(found)).read([0, 2]).tolist() == [[0, 2], [8, 10]]  # noqa: S301 - our own


def test_rows_that_are_not_stored_one_after_the_other_have_no_reader(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 2)))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.zeros((2, 3))))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    np.save(tmp_path / "number.npy", np.float32(1))
    save_file({"x": torch.zeros(2, 2, dtype=torch.bfloat16)}, tmp_path / "x.safetensors")
    for name in ("x.npz", "fortran.npy", "objects.npy", "number.npy", "x.safetensors"):
        assert place_of(tmp_path / name, "x") is None


def test_wrong_headers_are_reported(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 3)))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=r"it is cut off: 2527 bytes, an array of shape \(100, 3\) needs more"):
        place_of(tmp_path / "x.npy", "x")
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(ValueError, match="its header is longer than the file"):
        place_of(tmp_path / "x.safetensors", "x")


@pytest.mark.parametrize("cut", [0, 200])
def test_a_file_that_changes_or_is_cut_off_is_reported(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((100, 3)))
    found = reader(path)
    found.read([0])
    if cut:
        os.truncate(path, cut)
    else:
        os.utime(path, ns=(1, 1))
    with pytest.raises(DataError, match=r"x\.npy: changed while the run was reading it; start a new run"):
        found.read([50])
    path.unlink()
    with pytest.raises(DataError, match=r"x\.npy: can no longer be read \(No such file"):
        found.read([50])
