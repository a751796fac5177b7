"""dlrun.configuration.threads: the rule of device.threads=auto, worked out by hand."""

from __future__ import annotations

import pytest

from dlrun.configuration.threads import Work, choose_threads

# 32 images of 784 pixels through 784-128-128-10: 118,016 multiplications each, in three products
MLP = Work(2 * 32 * 118_016, 3, 17_026, 118_282)
# 32 images of 28 x 28 through LeNet without padding: two convolutions (86,400 and 153,600) and three layers
# (30,720, 10,080 and 840)
LENET = Work(2 * 32 * 281_640, 5, 245_128, 44_426)
LENET_128 = Work(4 * LENET.operations, 5, 4 * LENET.activations, LENET.weights)
# 32 images of 28 x 28 through 32, 64 and 128 channels of 3 x 3 kernels and one layer
CNN = Work(477_609_984, 4, 4_553_794, 104_650)


def test_the_work_of_a_step_is_that_of_three_products_and_of_what_is_read_and_written() -> None:
    assert MLP.total == 3 * 7_553_024 + 50 * 17_026 + 50 * 118_282 == 29_424_472


@pytest.mark.parametrize(
    ("work", "of_1", "of_2", "of_8", "of_16"),
    [
        # 29,424,472 operations for 3 x 3 products are 3.3 million each: not the 10 million that a second thread needs
        (MLP, 1, 1, 1, 1),
        # 68,552,580 for 3 x 5 are 4.6 million each
        (LENET, 1, 1, 1, 1),
        # 267,546,420 for 3 x 5 are 17.8 million each, which are enough; 8.9 (of two threads) are not
        (LENET_128, 1, 2, 2, 2),
        # 1,665,752,152 for 3 x 4 are 138.8 million each, and 17.3 million for each of eight threads
        (CNN, 1, 2, 8, 16),
        (Work(0, 0, 0, 0), 1, 1, 1, 1),  # on a GPU
    ],
)
def test_threads_of_known_models(work: Work, of_1: int, of_2: int, of_8: int, of_16: int) -> None:
    assert [choose_threads(work, cores=cores) for cores in (1, 2, 8, 16)] == [of_1, of_2, of_8, of_16]


def test_a_second_thread_needs_ten_million_operations_a_product() -> None:
    """Besides its work a product takes the time of 20 million: (10 + 20) / (10 / 2 + 20) is a fifth faster."""
    assert choose_threads(Work(10_000_000, 1, 0, 0), cores=2) == 2
    assert choose_threads(Work(9_999_999, 1, 0, 0), cores=2) == 1


def test_the_last_cores_count_if_they_gain_a_fifth_by_themselves() -> None:
    assert [choose_threads(CNN, cores=cores) for cores in (3, 5, 6, 12)] == [3, 4, 6, 8]
    assert [choose_threads(LENET_128, cores=cores) for cores in (3, 5, 6, 12)] == [2, 2, 2, 2]


def test_processes_share_the_cores() -> None:
    assert [choose_threads(CNN, cores=8, processes=count) for count in (1, 2, 3, 8, 9)] == [8, 4, 2, 1, 1]
