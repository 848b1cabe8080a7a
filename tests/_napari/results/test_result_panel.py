"""What the panel of a result shows of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QPoint

from napari_stem._napari.results.result_panel import ResultPanel
from napari_stem._napari.shell.remembered import remembered
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.evaluation.measured import SpotAgreement
from napari_stem.sections.synthetic import generate_section

from ..conftest import CHECKPOINT, LEFT


def test_the_threshold_is_that_of_the_values_that_are_shown(qtbot):
    section, workspace = generate_section("a", seed=1, size_px=600), Workspace(threshold=3.0)
    panel = ResultPanel(workspace)
    qtbot.addWidget(panel)
    workspace.take_slide(section.slide)
    workspace.spots = section.spots
    values = np.ones((section.spots.n_obs, 2), np.float32)
    shown = {"mean": values, "above": values}
    workspace.take_result(
        Result(section.slide, section.spots, ("A", "B"), "log2", shown, 4, threshold=1.5)
    )
    assert panel.threshold.value() == pytest.approx(1.5)


def test_two_panels_of_a_viewer_show_the_same_colours(qtbot):
    workspace = Workspace(colormap="magma", opacity=0.4)
    one, other = ResultPanel(workspace), ResultPanel(workspace)
    qtbot.addWidget(one)
    qtbot.addWidget(other)
    assert (one.colormap.currentText(), one.opacity.value()) == ("magma", 40)
    one.contrast.setCurrentText("same for all genes")
    one.opacity.setValue(70)
    assert (workspace.shared_contrast, workspace.opacity) == (True, 0.7)
    assert (other.contrast.currentText(), other.opacity.value()) == ("same for all genes", 70)
    workspace.colormap = "turbo"  # in napari's layer controls
    assert one.colormap.currentText() == other.colormap.currentText() == "turbo"
    other.opacity.setValue(71)
    assert workspace.colormap == "turbo"


def test_colours_are_remembered_once_the_slider_rests(qtbot, home):
    panel = ResultPanel(Workspace())
    qtbot.addWidget(panel)
    for opacity in range(50, 60):
        panel.opacity.setValue(opacity)
    assert not any(home.rglob("docks.json"))
    qtbot.waitUntil(lambda: remembered("opacity", 0.8) == 0.59)


def test_the_agreement_with_measured_values_stands_beside_that_of_held_out_tissue(qtbot, section):
    workspace = Workspace()
    panel = ResultPanel(workspace)
    qtbot.addWidget(panel)
    held_out = {
        method: {"pcc_50": pcc, "mae": 0.5} for method, pcc in (("Stem", 0.4), ("ridge", 0.35))
    }
    checkpoint = replace(CHECKPOINT, about={"scores": held_out})
    values = {"mean": np.ones((section.spots.n_obs, 1), np.float32)}
    agreement = SpotAgreement(
        np.ones(20, bool), np.ones(1), {"pcc_50": 0.6, "mae": 0.25}, "Trained on it."
    )
    result = Result(
        section.slide, section.spots, ("A",), "log2", values, 4,
        request=PredictRequest(section.slide, section.spots, checkpoint),
    )  # fmt: skip
    workspace.take_slide(section.slide)
    workspace.take_result(result)
    assert not panel.agreement.text()
    workspace.take_result(replace(result, agreement=agreement))
    assert panel.agreement.text().split("\n") == [
        "Measured in 20 spots: PCC-50 0.60, MAE 0.25",
        "⚠ Trained on it. This agreement is too good.",
        "Held out, Stem: PCC-50 0.40, MAE 0.50",
        "Held out, ridge: PCC-50 0.35, MAE 0.50",
    ]


def test_predicted_and_measured_values_of_the_gene_are_plotted_and_dots_select_their_spots(qtbot):
    section, workspace = generate_section("a", seed=1, size_px=1200), Workspace()
    panel = ResultPanel(workspace)
    qtbot.addWidget(panel)
    panel.resize(300, 900)
    panel.show()
    workspace.take_slide(section.slide)
    n = section.spots.n_obs
    truth = np.linspace([1, 1], [4, 4], n, dtype=np.float32)
    truth[0] = 0  # a spot that counted nothing is not compared
    counted = truth.any(axis=1)
    agreement = SpotAgreement(counted, np.array([0.71, np.nan]), {})
    values = {"mean": truth + 0.5, "truth": truth}
    workspace.take_result(
        Result(section.slide, section.spots, ("A", "B"), "log2", values, 4, agreement=agreement)
    )
    assert panel.measured.isVisible()
    assert panel.measured.text() == "Measured A: r = 0.71"
    assert not panel.measured.plot.isVisible()
    qtbot.mouseClick(panel.measured.toggleButton(), LEFT)
    plot, dot = panel.measured.plot, 4
    assert plot.isVisible()
    lasso(qtbot, plot, plot.place_of(dot - 1))  # the first spot has no dot
    assert np.flatnonzero(workspace.selected_spots).tolist() == [dot]
    qtbot.mouseClick(plot, LEFT, pos=QPoint(30, 10))
    assert workspace.selected_spots is None
    workspace.gene = "B"
    assert panel.measured.text() == "Measured B: constant counts"


def lasso(qtbot, plot, place) -> None:
    """Drag a small square around a place."""
    around = [(-4, -4), (4, -4), (4, 4), (-4, 4)]
    corners = [QPoint(round(place.x()) + dx, round(place.y()) + dy) for dx, dy in around]
    qtbot.mousePress(plot, LEFT, pos=corners[0])
    for corner in corners[1:]:
        qtbot.mouseMove(plot, corner)
    qtbot.mouseRelease(plot, LEFT, pos=corners[-1])
