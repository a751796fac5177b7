"""dlrun.data.spec: what is stored of a dataset, restored, and described."""

from __future__ import annotations

import json

from dlrun.data.spec import Block, DataSpec, Scaling

BLOCKS = (Block("review", "text", 2, (3,), vocabulary_size=7), Block("photo", "image", 5, (1, 8, 8)))
MIXED = DataSpec(
    "dense",
    (69,),
    "binary",
    2,
    class_names=("no", "yes"),
    scaling=Scaling((5.0, 1.0, *(0.0,) * 67), (2.0, 3.0, *(1.0,) * 67), -1.0, 9.0),
    blocks=BLOCKS,
)


def test_the_state_restores_the_spec() -> None:
    assert DataSpec.restored(json.loads(json.dumps(MIXED.state()))) == MIXED
    plain = DataSpec("image", (1, 2, 3), "binary", 2, scaling=Scaling((0.5,), (2.0,), 0.0, 255.0))
    assert DataSpec.restored(json.loads(json.dumps(plain.state()))) == plain


def test_the_state_has_the_scaling_of_what_is_scaled_only() -> None:
    assert MIXED.state()["scaling"]["mean"] == (5.0, 1.0)
    assert MIXED.num_plain == 2
    unscaled = DataSpec("dense", (69,), "binary", 2, blocks=BLOCKS)
    assert DataSpec.restored(unscaled.state()) == unscaled


def test_a_state_of_before_there_were_blocks_is_restored() -> None:
    spec = DataSpec("dense", (3,), "binary", 2, scaling=Scaling((1.0,) * 3, (2.0,) * 3, 0.0, 1.0), categories=(4,))
    state = spec.state()
    del state["blocks"]
    assert DataSpec.restored(state) == spec


def test_rows_are_described() -> None:
    assert MIXED.describe() == ('2 features, the text "review" of up to 3 tokens, the 8x8 image "photo", 2 classes')
    assert DataSpec("dense", (1,), "regression", 1).describe() == "1 feature, 1 number to predict"
    text = Block("review", "text", 0, (1,), vocabulary_size=7)
    assert DataSpec("dense", (1,), "binary", 2, blocks=(text,)).describe() == (
        'the text "review" of up to 1 token, 2 classes'
    )
