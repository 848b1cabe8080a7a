"""The panel of the checkpoint asks for what it needs."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtWidgets import QFileDialog

from napari_stem._napari.predict.checkpoint_panel import CheckpointPanel
from napari_stem._napari.shell.choices import chosen_weights
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem._napari.state.workspace import Workspace
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
