"""The sections of a run about its classes."""

from __future__ import annotations

import numpy as np
import torch

from dlrun.report.pages.run.classes import class_sections, stored_figures
from dlrun.runs.analysis.reports import Bin, ClassCurves, ClassReport
from dlrun.tasks.per_class import figures_of
from tests.report.pages.test_sweep_page import EVIL, read


def report_of(confusion: list[list[float]], names: list[str], *, curves: bool = True, name: str = "") -> ClassReport:
    matrix = np.array(confusion, dtype=np.float64)
    right = int(matrix.diagonal().sum())
    line = [(0.0, 0.0), (1.0, 1.0)]
    return ClassReport(
        name, names, matrix, figures_of(torch.tensor(confusion), names),
        [ClassCurves(each, 0.9 - place / 100, 0.75, line, line) for place, each in enumerate(names)] if curves else [],
        [Bin(0.9, 0.5, 1.0)], 0.4, int(matrix.sum()), int(matrix.sum()), int(matrix.sum()) - right, False, [],
    )  # fmt: skip


def text_of(report: ClassReport) -> str:
    return " ".join(read("".join(class_sections(report, split="test"))).text.split())


def test_confusion_figures_curves_and_calibration() -> None:
    text = text_of(report_of([[8, 2, 0], [1, 9, 0], [0, 5, 5]], ["a", "b", "c"], name="kind"))
    for part in (
        "Confusion matrix of kind 30 test rows, 22 right (73.3%).",
        "true class predicted rows of the class c b 5 50.0% a b 2 20.0% b a 1 10.0%",
        "class precision recall F1 rows AUROC average precision a 0.8889 0.8000 0.8421 10 0.9000 0.7500",
        "Each class against the rest, the hardest to tell apart first. c: AUROC 0.8800, average precision",
        "Expected calibration error (ECE, 15 bins): 0.4000. The model is too sure: 90.0% sure on average, and right in "
        "50.0%.",
    ):
        assert part in text, part


def test_of_two_classes_one_curve_is_drawn() -> None:
    text = text_of(report_of([[3, 1], [1, 3]], ["no", "yes"]))
    assert "Of yes against no. yes: AUROC 0.8900, average precision 0.7500 true positive rate" in text
    assert "Most often confused" not in text


def test_of_many_classes_those_with_the_most_mistakes_are_drawn() -> None:
    confusion = np.eye(40) * 5
    confusion[39, 0] = 2
    report = report_of(confusion.tolist(), [f"class {n}" for n in range(40)])
    page = "".join(class_sections(report, split="val"))
    assert "The 30 of 40 classes with the most mistakes are drawn." in page
    assert page.count('<rect class="is-box heat') == 900
    assert "The 5 classes with the lowest AUROC are in colour." in page


def test_figures_of_the_result_stand_in_for_what_was_not_measured() -> None:
    result = {"per_class": {"test": {"a": {"precision": 0.5, "recall": None, "f1": 1.0, "support": 3}, "b": "odd"}}}
    assert "test: class precision recall F1 rows a 0.5000 - 1 3" in " ".join(read(stored_figures(result)).text.split())
    assert [stored_figures({"per_class": odd}) for odd in (None, [], {"test": 3}, {"test": {"a": 1}})] == [""] * 4


def test_hostile_names_are_text() -> None:
    names = list(EVIL)
    page = "".join(class_sections(report_of(np.ones((8, 8)).tolist(), names, name=EVIL[0]), split="test"))
    page += stored_figures({"per_class": {EVIL[1]: {EVIL[0]: {"f1": EVIL[2]}}}})
    reader = read(page)
    assert not reader.tags & {"script", "img", "style"}
    assert not {name for name in reader.attributes if name.startswith("on")}


def test_of_more_than_a_hundred_classes_the_worst_come_first() -> None:
    confusion = np.eye(101) * 5
    confusion[100, 0] = 20
    page = "".join(class_sections(report_of(confusion.tolist(), [f"c{n}" for n in range(101)]), split="test"))
    assert "The classes with the lowest F1 first; the first 100 have curves." in page
    rows = page.partition("<h2>Each class</h2>")[2].partition("</table>")[0].split("<tr")[2:]
    assert [row.partition("<td>")[2].partition("<")[0] for row in rows][:3] == ["c0", "c100", "c1"]
