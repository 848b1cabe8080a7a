"""The Cohort dock on the folder of a cohort, in a real viewer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.cohort.dock import CohortDock
from napari_stem._napari.shell.docks import open_dock
from napari_stem.cohort.manifest import Row
from napari_stem.prediction.statistics import STATISTICS

from ...cohort.written_cohort import predicted, row, write_manifest

TEXT = Qt.ItemDataRole.DisplayRole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two slides that are done, one that failed and one that is running."""
    folder = tmp_path / "results"
    folder.mkdir()
    rows = [
        row(folder, "low", predicted([0, 1, 2, 3]), ood_share=0.5, patient="B"),
        row(folder, "high", predicted([4, 6, 8, 10]), ood_share=0.1, patient="A"),
        Row("/slides/bad.svs", "failed", "It states no scale.", name="bad"),
        Row("/slides/late.svs", "running", name="late", outputs=("late-prediction.h5ad",)),
    ]
    write_manifest(folder, rows)
    return folder


@pytest.fixture
def dock(make_napari_viewer) -> CohortDock:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    made = open_dock(viewer, "Cohort")
    made.viewer = viewer
    return made


def captions(dock: CohortDock) -> list[str]:
    model = dock.slides.grid.model()
    return [
        model.data(model.index(i, 0), TEXT).replace("\n", ": ") for i in range(model.rowCount())
    ]


def press(dock: CohortDock, qtbot, name: str) -> None:
    """Select a slide and press Enter."""
    grid = dock.slides.grid
    number = [text.split(":")[0] for text in captions(dock)].index(name)
    grid.setCurrentIndex(grid.model().index(number, 0))
    qtbot.keyClick(grid, Qt.Key.Key_Return)


def choose(box, text: str) -> None:
    box.setCurrentIndex(box.findText(text))


def test_slides_are_compared_sorted_found_and_opened(dock, folder, qtbot):
    assert "napari-stem cohort" in dock.folder.note.text()
    assert not dock.slides.isEnabled()
    grid, slides = dock.slides.grid, dock.slides
    drawn = []
    dock.shelf.drawn.connect(drawn.append)
    dock.folder.open(folder)
    qtbot.waitUntil(lambda: len(drawn) == 2)
    assert "2 done, 1 running, 1 failed" in dock.folder.note.text()
    assert captions(dock) == ["bad: failed", "high: mean 7.00", "late: running", "low: mean 1.50"]
    assert slides.scale.title.text() == "EPCAM, mean (log2(counts + 1))"
    assert (float(slides.scale.low.text()), float(slides.scale.high.text())) == (
        pytest.approx(0, abs=0.1), pytest.approx(9.9, abs=0.1),
    )  # fmt: skip
    choose(slides.by, "unlike training")
    assert captions(dock)[:2] == ["low: 50 % unlike", "high: 10 % unlike"]
    slides.backwards.click()
    assert captions(dock)[:2] == ["high: 10 % unlike", "low: 50 % unlike"]
    choose(slides.state, "done")
    slides.text.setText("b")  # the patient
    qtbot.waitUntil(lambda: captions(dock) == ["low: 50 % unlike"])
    slides.text.clear()
    choose(slides.state, "all states")
    choose(slides.statistic, STATISTICS["ood"].label)
    qtbot.waitUntil(lambda: slides.scale.high.text() == "2")
    assert not slides.gene.isEnabled()
    press(dock, qtbot, "bad")
    assert "bad failed: It states no scale." in dock.folder.note.text()
    press(dock, qtbot, "low")
    work = workspace_of(dock.viewer)
    qtbot.waitUntil(lambda: work.result is not None)
    assert work.gene == "EPCAM"
    assert grid.row.name == "low"


def test_what_a_running_cohort_finishes_appears_and_goes_into_the_report(dock, folder, qtbot):
    dock.folder.open(folder)
    qtbot.waitUntil(lambda: "high: mean 7.00" in captions(dock))
    late = row(folder, "late", predicted([20, 20, 20, 20]))
    rows = [replace(one) for one in dock.shelf.listing.rows if one.name != "late"]
    write_manifest(folder, [*rows, late])
    qtbot.waitUntil(lambda: "late: mean 20.00" in captions(dock))
    assert float(dock.slides.scale.high.text()) == 20
    dock.folder.write(folder / "summary.html")
    qtbot.waitUntil(lambda: "summary.html" in dock.folder.written.text())
    assert "EPCAM on one scale" in (folder / "summary.html").read_text()


def test_a_folder_without_a_cohort_is_refused_in_the_dock(dock, tmp_path, qtbot):
    dock.folder.open(tmp_path)
    qtbot.waitUntil(lambda: "holds no manifest" in dock.folder.note.text())
    assert not dock.slides.isEnabled()
