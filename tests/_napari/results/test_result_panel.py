"""What the panel of a result shows of it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem._napari.results.result_panel import ResultPanel
from napari_stem._napari.shell.remembered import remember
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.sections.synthetic import generate_section


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
