"""A result that no file holds is lost only if its user says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.launch import fill
from napari_stem._napari.files.opening import describe_checkpoint
from napari_stem._napari.keeping.exporting import ExportRequest
from napari_stem._napari.shell.docks import open_dock, window_of
from napari_stem._napari.state.drawn_shape import DrawnShape
from napari_stem._napari.state.point import Point
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.saved_view import View
from napari_stem.analysis.cluster import cluster
from napari_stem.api.predicting import predict
from napari_stem.events import finish
from napari_stem.io.h5ad import read_h5ad
from napari_stem.prediction.inspect import Inspector
from napari_stem.prediction.inspection import Inspection
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.section import Section

from ..conftest import LEFT


@pytest.fixture(scope="module")
def predicted(section: Section, trained) -> AnnData:
    made = predict(section.slide, section.spots, trained.checkpoint, n_draws=2, cache=False)
    cluster(made)
    return made


@pytest.fixture
def saved_to(monkeypatch, tmp_path) -> Path:
    """Where the user saves what they are asked about."""
    path = tmp_path / "kept.h5ad"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    return path


def inspected(x: float, y: float) -> Inspection:
    near = np.ones(5, np.float32)
    draws = np.ones((2, 1), np.float32)
    return Inspection((x, y), 0.5, ("A",), "", draws, 2, near, near, measured=None)


def test_results_are_listed_renamed_and_deleted_after_asking(
    dock, section, predicted, qtbot, answers, monkeypatch
):
    panel, work = dock.results, dock.workspace
    assert panel.isHidden()
    fill(dock._viewer(), section.slide, predicted.copy())
    assert (panel.isHidden(), panel.note.isHidden()) == (False, True)
    fill(dock._viewer(), section.slide, predicted[:9].copy(), name="biopsy")
    n = section.spots.n_obs
    texts = [panel.list.item(row).text() for row in range(2)]
    assert texts == [f"Prediction ({n} spots)", "biopsy (9 spots)"]
    assert panel.note.text() == "2 draws, exported"
    qtbot.keyClick(panel.list, Qt.Key.Key_Up)
    assert (work.shown, work.spots.n_obs) == (0, n)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("slide", True))
    panel.rename_action.trigger()
    assert panel.list.currentItem().text() == f"slide ({n} spots)"
    answers.press("Cancel", "Discard")
    panel.delete_action.trigger()
    assert len(work.results) == 2
    panel.delete_action.trigger()
    assert answers.asked == ["This discards 1 result that was not exported: 'slide'."] * 2
    assert [kept.name for kept in work.results] == ["biopsy"]  # which is on the disk
    assert panel.note.isHidden()
    qtbot.mouseClick(dock.slide.close_button, LEFT)
    assert work.slides == ()


def test_points_and_regions_come_back_with_the_export(section, predicted, trained, tmp_path):
    viewers = [ViewerModel()]  # whose workspaces live as long as they do
    first = workspace_of(viewers[0])
    first.take_slide(section.slide)
    first.checkpoint = finish(describe_checkpoint(trained.path))
    inspector = Inspector(trained.checkpoint, PredictOptions(n_draws=3))
    spots = {"spot_diameter_px": 110, "spots": section.spots}
    inspection = finish(inspector.iter_inspect(section.slide, (600.0, 600.0), **spots))
    first.add_points([Point(section.slide, first.checkpoint.key, inspection)])
    path, points = tmp_path / "points.h5ad", first.points_of(section.slide)
    region = DrawnShape.on(section.slide, "polygon", [(10, 20), (300.126, 20), (300, 400)])
    request = ExportRequest(predicted, path, View(), points=points, drawn=[region])
    finish(request.events())
    assert not {"points", "drawn_regions"} & set(predicted.uns["napari_stem"])

    viewers.append(viewer := ViewerModel())
    again = workspace_of(viewer)
    for _ in range(2):  # the second time they are there
        fill(viewer, section.slide, read_h5ad(path), name="points")
    (point,) = again.points
    elsewhere = tmp_path / "moved.safetensors"
    elsewhere.write_bytes(trained.path.read_bytes())
    assert point.is_of(again.slide, finish(describe_checkpoint(elsewhere)))
    assert not point.is_of(again.slide, None)
    assert (point.inspection.xy, point.inspection.genes) == (inspection.xy, inspection.genes)
    np.testing.assert_array_equal(point.inspection.draws, inspection.draws)
    assert point.inspection.measured == inspection.measured
    assert again.regions == (region,)
    assert not again.unsaved_regions()


def test_closing_the_window_asks_and_exports_first(
    make_napari_viewer, section, predicted, qtbot, answers, saved_to
):
    viewer = make_napari_viewer(show=True, strict_qt="raise")
    window, dock = window_of(viewer), open_dock(viewer, "Predict")
    fill(viewer, section.slide, predicted.copy())
    work = dock.workspace
    work.take_clusters(work.clusters.renamed(1, "tumour"))
    answers.press("Cancel")
    window.close()
    assert window.isVisible()
    answers.press("Export…")
    qtbot.mouseClick(dock.slide.close_button, LEFT)
    qtbot.waitUntil(lambda: work.slides == ())
    assert "tumour" in set(read_h5ad(saved_to).obs["leiden"])
    fill(viewer, section.slide, predicted.copy())
    answers.press("Cancel")
    window.close()
    assert len(answers.asked) == 3
    work.take_saved(work.session.kept[work.shown].content)
    assert work.unsaved() == []
    work.add_points([Point(section.slide, "any", inspected(200.0, 300.0))])
    lost = "This discards 1 inspected point that was not saved"
    answers.press("Cancel")
    window.close()
    assert answers.asked[3:] == [f"{lost}."]
    drawn = {"mean": np.zeros((section.spots.n_obs, 2), np.float32)}  # so far
    work.take_result(Result(section.slide, section.spots, ("A", "B"), "", drawn, 1))
    fill(viewer, section.slide, predicted.copy())
    answers.press("Export…")
    qtbot.mouseClick(dock.slide.close_button, LEFT)
    qtbot.waitUntil(lambda: work.slides == ())
    assert answers.asked[-1].startswith(f"{lost}, and 2 results that were not exported: ")
    assert "000001" in read_h5ad(saved_to).uns["napari_stem"]["points"]
    assert work.unsaved_points() == []  # so that the window now closes without a question
