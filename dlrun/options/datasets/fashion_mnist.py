"""Fashion-MNIST: 70,000 images of clothing, 28x28 pixels."""

from __future__ import annotations

from dlrun.configuration.schema.fields import DownloadFolder, Url
from dlrun.data.arrays.idx import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, idx_source
from dlrun.data.source import Source

_SHA256 = {
    TRAIN_IMAGES: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    TRAIN_LABELS: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    TEST_IMAGES: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    TEST_LABELS: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def fashion_mnist(*, root: DownloadFolder, mirrors: list[Url], download: bool) -> Source:
    """60,000 images of clothing and 10,000 for the test, (1, 28, 28) bytes, ten classes.

    root: folder of the four IDX files, gzipped or not. mirrors: addresses of a folder with them, tried in order.
    download: whether missing files are downloaded.

    Raises DataError for a file that is missing or damaged. Source: Xiao, Rasul, Vollgraf, Fashion-MNIST: a novel image
    dataset for benchmarking machine learning algorithms, 2017.
    """
    return idx_source(root, checksums=_SHA256, mirrors=mirrors, download=download, class_names=_CLASS_NAMES)
