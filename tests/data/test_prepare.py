"""`dlrun.data.prepare`: which rows are held out, and errors for rows and settings that do not fit."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from dlrun.configuration.schema.fields import Augment
from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.loading.split import MemorySplit
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.source import Fitted, Rows, Source
from dlrun.errors import ConfigError, DataError

ALL_TRAIN = DatasetSettings(val_fraction=0.0, test_fraction=0.0)


def classes(*counts: int) -> Source:
    """Row i holds i; class c has counts[c] rows, one class after the other."""
    targets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return Source("dense", "multiclass", Rows(torch.arange(len(targets), dtype=torch.float32).unsqueeze(1), targets))


def numbers(*values: float) -> Source:
    """Row i holds i, and values[i] to predict."""
    inputs = torch.arange(len(values), dtype=torch.float32).unsqueeze(1)  # (N, 1)
    return Source("dense", "regression", Rows(inputs, torch.tensor(values)))


def rows(split: MemorySplit | None) -> list[int]:
    assert split is not None
    return [int(row) for row in split.inputs.flatten()]


def raw(**settings: object) -> DatasetSettings:
    return DatasetSettings(**{"standardise": False, "standardise_target": False, **settings})  # type: ignore[arg-type]


def test_each_class_keeps_its_share_in_each_split() -> None:
    data = prepare("toy", classes(40, 80), raw(val_fraction=0.25, test_fraction=0.5))
    assert data.test is not None
    assert torch.bincount(data.test.targets).tolist() == [20, 40]
    assert data.val is not None
    first, second = torch.bincount(data.val.targets).tolist()
    assert second == 2 * first > 0
    assert sorted(rows(data.train) + rows(data.val) + rows(data.test)) == list(range(120))
    assert data.spec.class_counts == tuple(torch.bincount(data.train.targets).tolist())


def test_classes_of_one_or_two_rows_are_never_held_out() -> None:
    data = prepare("toy", classes(40, 1, 2, 3), raw(val_fraction=0.6, test_fraction=0.9))
    assert data.spec.class_counts[1:3] == (1, 2)
    assert data.test is not None
    assert torch.bincount(data.test.targets, minlength=4).tolist() == [36, 0, 0, 3]


def test_rows_of_a_regression_are_held_out_by_number() -> None:
    data = prepare("toy", numbers(*range(10)), raw(val_fraction=0.0, test_fraction=0.3))
    assert data.sizes == {"train": 7, "test": 3}
    assert sorted(rows(data.train) + rows(data.test)) == list(range(10))
    assert data.spec.num_train == 7
    assert data.spec.num_outputs == 1
    assert data.spec.class_names == ()


def test_nothing_held_out_leaves_no_such_split() -> None:
    data = prepare("toy", classes(3, 3), ALL_TRAIN)
    assert data.val is None
    assert data.test is None
    assert data.judging_split == "train"
    assert data.sizes == {"train": 6}


def test_rows_keep_their_order_within_a_split() -> None:
    data = prepare("toy", classes(10, 10), raw())
    assert rows(data.train) == sorted(rows(data.train))


def test_held_out_rows_depend_on_the_split_seed_alone() -> None:
    def test_rows(seed: int) -> list[int]:
        return rows(prepare("toy", classes(50, 50), raw(split_seed=seed)).test)

    torch.manual_seed(1)
    first = test_rows(0)
    torch.manual_seed(2)
    assert test_rows(0) == first
    assert test_rows(1) != first


def test_a_limit_applies_before_rows_are_held_out() -> None:
    data = prepare("toy", numbers(*range(100)), raw(limit=10, val_fraction=0.0, test_fraction=0.2))
    assert data.sizes == {"train": 8, "test": 2}


def test_a_limit_applies_to_a_published_test_set_too() -> None:
    source = numbers(*range(100))
    source.test = Rows(torch.arange(50.0).unsqueeze(1), torch.zeros(50, 1))
    data = prepare("toy", source, raw(limit=10, val_fraction=0.0))
    assert data.sizes == {"train": 10, "test": 10}
    assert len(set(rows(data.test))) == 10


def test_a_limit_applies_to_validation_rows_of_their_own_too() -> None:
    source = numbers(*range(100))
    source.val = Rows(torch.arange(50.0).unsqueeze(1), torch.arange(50.0).unsqueeze(1))
    data = prepare("toy", source, raw(limit=10, test_fraction=0.0))
    assert data.sizes == {"train": 10, "val": 10}
    assert data.val is not None
    assert rows(data.val) == sorted(set(rows(data.val))) == data.val.targets.flatten().tolist()
    other = prepare("toy", source, raw(limit=10, test_fraction=0.0, split_seed=1))
    assert rows(other.val) != rows(data.val)
    assert rows(prepare("toy", source, raw(limit=60, test_fraction=0.0)).val) == list(range(50))


def test_a_published_test_set_is_used_whole_and_no_other() -> None:
    source = numbers(0.0, 1.0, 2.0, 3.0)
    source.test = Rows(torch.tensor([[7.0], [8.0]]), torch.tensor([[1.0], [2.0]]))
    data = prepare("toy", source, raw(val_fraction=0.0, test_fraction=0.5))
    assert rows(data.train) == [0, 1, 2, 3]
    assert rows(data.test) == [7, 8]


def test_the_spec_counts_classes_without_rows_by_their_names() -> None:
    source = classes(2, 2)
    assert prepare("toy", source, ALL_TRAIN).spec.class_names == ("0", "1")
    source.class_names = ("a", "b", "c")
    spec = prepare("toy", source, ALL_TRAIN).spec
    assert (spec.num_outputs, spec.class_names, spec.class_counts) == (3, ("a", "b", "c"), (2, 2, 0))
    assert (spec.shape, spec.kind, spec.goal) == ((1,), "dense", "multiclass")


def test_the_fingerprint_is_of_the_raw_rows_and_not_of_the_settings() -> None:
    first = prepare("toy", classes(5, 5), ALL_TRAIN).fingerprint
    assert prepare("other", classes(5, 5), raw(split_seed=3)).fingerprint == first
    assert prepare("toy", classes(5, 6), ALL_TRAIN).fingerprint != first
    assert len(first) == 64


def bad(inputs: Tensor, targets: Tensor) -> Source:
    return Source("dense", "regression", Rows(inputs, targets))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (bad(torch.zeros(3, 1), torch.zeros(2)), "toy: 3 inputs and 2 targets; each row needs both."),
        (bad(torch.zeros(0, 1), torch.zeros(0)), "toy: there is no row."),
        (
            bad(torch.tensor([[0.0], [math.nan]]), torch.zeros(2)),
            "toy: row 1 has an input that is not a finite number.",
        ),
    ],
)
def test_rows_that_a_model_cannot_be_trained_on_are_reported(source: Source, message: str) -> None:
    with pytest.raises(DataError) as caught:
        prepare("toy", source, ALL_TRAIN)
    assert str(caught.value) == message


def test_a_class_out_of_range_is_reported_in_each_split() -> None:
    inputs = torch.zeros(3, 1)
    names = ("no", "yes")
    wrong = Source("dense", "binary", Rows(inputs, torch.tensor([0, 1, 2])), class_names=names)
    with pytest.raises(DataError, match=r"toy: row 2 has the class 2; expected 0 to 1\."):
        prepare("toy", wrong, ALL_TRAIN)
    train, test = Rows(inputs, torch.tensor([0, 1, 1])), Rows(inputs, torch.tensor([0, -1, 1]))
    tested = Source("dense", "binary", train, test=test, class_names=names)
    with pytest.raises(DataError, match=r"toy, test set: row 1 has the class -1; expected 0 to 1\."):
        prepare("toy", tested, ALL_TRAIN)


def test_the_published_test_set_is_checked_too() -> None:
    inputs, targets = torch.zeros(2, 1), torch.tensor([0, 1])
    train = Rows(inputs, targets)
    with pytest.raises(DataError, match=r"toy, test set: 2 inputs and 1 target; each row needs both\."):
        prepare("toy", Source("dense", "binary", train, test=Rows(inputs, targets[:1])), ALL_TRAIN)
    with pytest.raises(DataError, match=r"toy, test set: row 0 has an input that is not a finite number\."):
        prepare("toy", Source("dense", "binary", train, test=Rows(inputs * math.nan, targets)), ALL_TRAIN)


def test_padding_adds_background_around_every_image() -> None:
    images = torch.full((2, 1, 1, 1), 7, dtype=torch.uint8)
    rows = Rows(images, torch.tensor([0, 1]))
    source = Source("image", "binary", rows, test=rows)
    bundle = prepare("toy", source, dataclasses.replace(ALL_TRAIN, pad=1))
    assert bundle.spec.shape == (1, 3, 3)
    assert bundle.train.inputs[0, 0].tolist() == [[0, 0, 0], [0, 7, 0], [0, 0, 0]]
    assert bundle.test is not None
    assert bundle.test.inputs.shape == (2, 1, 3, 3)
    with pytest.raises(ConfigError, match=r"Only images can be padded; toy has dense rows\."):
        prepare(
            "toy",
            Source("dense", "binary", Rows(torch.zeros(2, 1), torch.tensor([0, 1]))),
            dataclasses.replace(ALL_TRAIN, pad=1),
        )


def test_a_target_that_is_not_finite_is_reported() -> None:
    with pytest.raises(DataError, match=r"toy: row 2 has an? target that is not a finite number\."):
        prepare("toy", numbers(0.0, 1.0, math.inf), ALL_TRAIN)


def test_fractions_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        prepare("toy", numbers(0.0, 1.0, 2.0, 3.0), raw(val_fraction=0.9, test_fraction=0.9))
    assert str(caught.value) == "toy: no rows are left to train on (4 rows in all)."


def config_problem(source: Source, settings: DatasetSettings) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        prepare("toy", source, settings)
    (problem,) = caught.value.problems
    return problem.where, problem.message


def test_augmentation_is_refused_for_what_is_not_an_image() -> None:
    where, message = config_problem(classes(2, 2), DatasetSettings(augment=Augment(flip=True)))
    assert (where, message) == (
        "dataset.augment",
        "Only images can be shifted, cropped or flipped; toy has dense rows.",
    )


def test_every_setting_that_does_not_fit_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        prepare("toy", classes(2, 2), DatasetSettings(pad=1, augment=Augment(flip=True), standardise_target=True))
    found = [problem.where for problem in caught.value.problems]
    assert found == ["dataset.pad=1", "dataset.augment", "dataset.standardise_target=true"]


def test_classes_cannot_be_standardised() -> None:
    where, message = config_problem(classes(2, 2), DatasetSettings(standardise_target=True))
    assert where == "dataset.standardise_target=true"
    assert message == "Only numbers to predict can be standardised; toy has classes."


def test_a_split_is_found_by_its_name_and_a_missing_one_named() -> None:
    data: DataBundle = prepare("toy", numbers(*range(10)), raw(val_fraction=0.0))
    assert data.split("train") is data.train
    assert data.judging_split == "test"
    with pytest.raises(DataError) as caught:
        data.split("val")
    assert str(caught.value) == 'There is no split "val" with rows; this run has train, test.'
    with pytest.raises(DataError, match='There is no split "spec" with rows'):
        data.split("spec")


def test_a_bundle_moves_whole_to_another_device() -> None:
    moved = prepare("toy", classes(5, 5), raw(val_fraction=0.0)).to(torch.device("meta"))
    assert moved.train.inputs.is_meta
    assert moved.test is not None
    assert moved.test.inputs.is_meta
    assert moved.val is None
    assert moved.name == "toy"


def test_validation_rows_of_their_own_replace_the_fraction() -> None:
    inputs, targets = torch.arange(10.0).unsqueeze(1), torch.arange(10.0)
    source = Source("dense", "regression", Rows(inputs, targets), val=Rows(inputs[:3], targets[:3]))
    bundle = prepare("toy", source, DatasetSettings(val_fraction=0.5, test_fraction=0.2))
    assert dict(bundle.sizes) == {"train": 8, "val": 3, "test": 2}


def test_fit_is_called_once_with_the_raw_rows_of_each_split_and_the_source_has_none_then() -> None:
    calls = []

    def fit(splits: dict[str, Rows]) -> Fitted:
        calls.append(({name: len(rows) for name, rows in splits.items()}, len(source.train), source.test))
        shift = splits["train"].in_memory().min()
        for name, rows in splits.items():
            splits[name] = Rows(rows.in_memory() - shift, rows.targets)
        return Fitted(splits, None, num_scaled=0, categories=(9,), vocabulary_size=3)

    inputs, test = torch.arange(100.0, 110.0).unsqueeze(1), Rows(torch.tensor([[200.0]]), torch.tensor([1.0]))
    source = Source("dense", "regression", Rows(inputs, torch.zeros(10)), test=test, fit=fit)
    fingerprint = prepare("toy", dataclasses.replace(source, fit=None), DatasetSettings()).fingerprint
    data = prepare("toy", source, DatasetSettings(val_fraction=0.2))
    assert calls == [({"train": 8, "val": 2, "test": 1}, 0, None)]
    assert rows(data.train)[0] == 0, "the smallest training row"
    assert rows(data.test) == [100 + min(rows(data.train) + rows(data.val))]
    assert (data.spec.categories, data.spec.vocabulary_size) == ((9,), 3)
    assert data.fingerprint == fingerprint, "of the raw rows"


def test_a_spec_is_restored_from_plain_values() -> None:
    import json

    from dlrun.data.spec import DataSpec

    images = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8)
    spec = prepare("toy", Source("image", "binary", Rows(images, torch.arange(20) % 2)), DatasetSettings()).spec
    assert DataSpec.restored(json.loads(json.dumps(spec.state()))) == spec


def test_weights_that_cannot_be_used_are_reported() -> None:
    inputs, targets = torch.zeros(4, 1), torch.tensor([0, 1, 0, 1])
    for weights, message in (
        (torch.ones(3), "toy: 3 weights and 4 targets; each row needs both"),
        (torch.tensor([1.0, -1, 1, 1]), r"toy: row 1 has the weight -1; expected a number from 0 up"),
        (torch.tensor([1.0, 1, math.nan, 1]), r"toy: row 2 has the weight nan"),
        (torch.zeros(4), "toy: all 4 rows of the train split have the weight 0"),
    ):
        with pytest.raises(DataError, match=message):
            prepare("toy", Source("dense", "binary", Rows(inputs, targets, weights=weights)), ALL_TRAIN)


def test_rows_that_do_not_fit_the_device_stay_in_memory_and_a_notice_says_so() -> None:
    data = prepare("mine", classes(32, 32), DatasetSettings())
    size = sum(split.inputs.numel() * 4 for split in data.splits.values() if isinstance(split, MemorySplit))
    assert size == 64 * 4
    assert data.to(torch.device("meta"), room=size).notices == ()
    there = data.to(torch.device("meta"), room=size - 1)
    assert there.notices == (
        "All rows need 0.0 GiB and the device has 0.0 GiB for them: "
        "they stay in the machine's memory, and each batch is copied to the device.",
    )
    for split in there.splits.values():
        assert isinstance(split, MemorySplit)
        assert (split.inputs.device.type, split.targets.device.type) == ("cpu", "meta")
