"""The scale of a slide, as it is typed."""

from __future__ import annotations

from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_stem._napari.predict.slide_panel import SlidePanel
from napari_stem._napari.state.workspace import Workspace


def test_an_absurd_scale_is_refused_with_a_reason_and_the_former_one_stays(qtbot, section):
    workspace, viewer = Workspace(), ViewerModel()
    panel = SlidePanel(viewer, workspace)
    qtbot.addWidget(panel)
    workspace.take_slide(section.slide)
    panel.mpp.selectAll()
    qtbot.keyClicks(panel.mpp, "500")
    qtbot.keyClick(panel.mpp, Qt.Key.Key_Return)
    assert panel.note.text().startswith("⚠ A scale of 500 µm/px is not that of a slide")
    assert workspace.slide.mpp == panel.mpp.value() == section.slide.mpp
