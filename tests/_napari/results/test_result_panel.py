"""What the panel of a result shows of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_stem._napari.results.result_panel import ResultPanel
from napari_stem._napari.shell.remembered import remember
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.evaluation.measured import SpotAgreement
from napari_stem.sections.synthetic import generate_section

from ..conftest import CHECKPOINT


def test_the_threshold_is_that_of_the_values_that_are_shown(qtbot):
    section, workspace = generate_section("a", seed=1, size_px=600), Workspace()
    remember(threshold=3.0)
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


def test_the_agreement_with_measured_values_stands_beside_that_of_held_out_tissue(qtbot, section):
    workspace = Workspace()
    panel = ResultPanel(workspace)
    qtbot.addWidget(panel)
    held_out = {
        method: {"pcc_50": pcc, "mae": 0.5} for method, pcc in (("Stem", 0.4), ("ridge", 0.35))
    }
    checkpoint = replace(CHECKPOINT, about={"scores": held_out})
    values = {"mean": np.ones((section.spots.n_obs, 1), np.float32)}
    agreement = SpotAgreement(20, np.ones(1), {"pcc_50": 0.6, "mae": 0.25}, "Trained on it.")
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
