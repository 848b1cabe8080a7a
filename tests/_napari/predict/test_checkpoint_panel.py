"""The panel of the checkpoint asks for what it needs."""

from __future__ import annotations

import re
from dataclasses import replace

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_stem._napari.predict.checkpoint_panel import CheckpointPanel
from napari_stem._napari.shell.choices import chosen_weights
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem._napari.state.workspace import Workspace
from napari_stem.checkpoints.starter import ATTRIBUTION, TITLE, starter_file
from napari_stem.features.encoders.registry import find_encoder

from ..conftest import PATIENCE


def test_a_missing_file_of_weights_is_asked_for_and_kept(qtbot, trained, tmp_path, monkeypatch):
    recipe = replace(trained.checkpoint.recipe, encoders=(find_encoder("uni"),))
    panel = CheckpointPanel(Workspace())
    qtbot.addWidget(panel)
    assert panel.weights_button.isHidden()
    panel.workspace.checkpoint = ChosenCheckpoint(trained.path, recipe, "")
    assert "uni: needs a weights file" in panel.note.text()
    path = tmp_path / "uni.bin"
    path.touch()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    panel.weights_button.menu().actions()[0].trigger()
    assert chosen_weights(["uni"]) == {"uni": path}
    qtbot.waitUntil(panel.isEnabled, timeout=PATIENCE)
    path.unlink()
    assert chosen_weights(["uni"]) == {}


def test_without_a_checkpoint_the_one_that_comes_with_the_package_is_offered(qtbot):
    panel = CheckpointPanel(Workspace())
    qtbot.addWidget(panel)
    assert panel.box.itemText(1) == TITLE
    assert not panel.starter_button.isHidden()

    def tooltip():
        return panel.box.itemData(1, Qt.ItemDataRole.ToolTipRole)

    qtbot.waitUntil(lambda: "Held out: each section once" in tooltip(), timeout=PATIENCE)
    assert re.search(r"PCC-50 0\.\d+ \(ridge 0\.\d+, k-NN 0\.\d+\)", tooltip())
    assert tooltip().endswith(str(starter_file()))
    assert panel.workspace.checkpoint is None  # that was before it is chosen
    assert "PCC-50" in panel.starter_button.toolTip()
    panel.starter_button.click()
    qtbot.waitUntil(lambda: panel.workspace.checkpoint is not None, timeout=PATIENCE)
    assert panel.workspace.checkpoint.path == starter_file()
    assert panel.starter_button.isHidden()
    assert panel.box.currentIndex() == 1
    assert panel.box.count() == 2
    assert ATTRIBUTION in panel.note.text()
    assert "Held out: each section once" in panel.note.text()
