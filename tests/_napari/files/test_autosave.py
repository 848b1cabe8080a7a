"""What was made in a window comes back after a crash, and is offered only then."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import platformdirs
import pytest
import tifffile
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_stem._napari.canvas import autosave
from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.launch import fill
from napari_stem._napari.files.sessions import ask_to_save
from napari_stem._napari.keeping.autosaves import claim_new, left_behind
from napari_stem._napari.keeping.session_folder import INDEX
from napari_stem._napari.shell.docks import open_dock, window_of
from napari_stem.api.predicting import predict
from napari_stem.slides.slide import open_slide
from napari_stem.storage import sessions_dir

from ..canvas_mouse import drag
from ..conftest import LEFT

_CHILD = """
import sys, napari
import numpy as np
from pathlib import Path
from napari_stem.analysis.groups import no_groups, with_group
from napari_stem._napari.canvas import autosave
from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.launch import fill
from napari_stem.io.h5ad import read_h5ad
from napari_stem.slides.slide import open_slide
autosave._SOON = 0.01
viewer = napari.Viewer(show=False)
fill(viewer, open_slide(Path(sys.argv[1]), mpp=0.5), read_h5ad(Path(sys.argv[2])))
workspace_of(viewer).rename_result(0, "mine")
first = np.arange(workspace_of(viewer).result.spots.n_obs) < 4
workspace_of(viewer).edit_groups("add", with_group(no_groups(len(first)), first, "margin"))
napari.run(force=True)
"""


def saved() -> int:
    """How many sessions are on the disk."""
    return len(list(sessions_dir().glob(f"*/{INDEX}")))


@pytest.fixture
def slide(section, tmp_path):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, np.asarray(section.slide.levels[0]), photometric="rgb")
    with open_slide(path, mpp=0.5) as opened:
        yield opened


@pytest.mark.slow
def test_the_session_of_a_killed_napari_is_offered_and_opened(
    slide, section, trained, tmp_path, qtbot, make_napari_viewer, monkeypatch
):
    made = predict(slide, section.spots, trained.checkpoint, n_draws=2, cache=False)
    made.write_h5ad(tmp_path / "made.h5ad")
    monkeypatch.setattr(
        platformdirs, "user_data_path", lambda *_: tmp_path / "share" / "napari-stem"
    )
    folders = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "CACHE", "STATE")}
    environment = {**os.environ, **folders, "XDG_DATA_HOME": str(tmp_path / "share")}
    command = [sys.executable, "-c", _CHILD, str(slide.path), str(tmp_path / "made.h5ad")]
    with subprocess.Popen(command, env=environment) as child:
        try:
            qtbot.waitUntil(lambda: saved() == 1 or child.poll() is not None)
        finally:
            child.kill()
    (left,) = left_behind()

    viewer = make_napari_viewer()
    dock = open_dock(viewer, "Predict")
    assert "1 slide, 1 result" in dock.sessions.note.text()
    qtbot.mouseClick(dock.sessions.open_button, LEFT)
    qtbot.waitUntil(lambda: len(dock.workspace.results) == 1)
    assert [kept.name for kept in dock.workspace.unsaved()] == ["mine"]
    assert dock.workspace.groups.names == ("margin",)
    assert list(dock.workspace.groups.sizes) == [4]
    assert (dock.workspace.slide.path, dock.workspace.slide.mpp) == (slide.path, 0.5)
    assert dock.sessions.isHidden()
    qtbot.waitUntil(lambda: not left.exists())  # as it is a part of this window's session now
    assert saved() == 1
    dock.workspace.slide.close()


def test_a_session_that_was_closed_is_not_offered(
    make_napari_viewer, slide, section, trained, qtbot, answers, monkeypatch
):
    monkeypatch.setattr(autosave, "_SOON", 0.01)
    monkeypatch.setattr(autosave, "_PAUSE", 0.01)
    made = predict(slide, section.spots, trained.checkpoint, n_draws=2, cache=False)
    viewer = make_napari_viewer(show=True)
    fill(viewer, slide, made)
    qtbot.waitUntil(lambda: saved() == 1)
    work = workspace_of(viewer)
    work.take_saved(work.session.kept[work.shown].content)
    qtbot.waitUntil(lambda: saved() == 0)  # what a file of the user holds
    work.rename_result(0, "another")
    fill(viewer, slide, made[:9].copy())
    qtbot.waitUntil(lambda: saved() == 1)
    answers.press("Cancel")
    window_of(viewer).close()
    assert saved() == 1
    viewer.close()
    qtbot.waitUntil(lambda: saved() == 0)
    assert left_behind() == []


def test_a_region_alone_is_saved_and_asked_about(
    make_napari_viewer, slide, qtbot, monkeypatch, answers, tmp_path
):
    monkeypatch.setattr(autosave, "_SOON", 0.01)
    monkeypatch.setattr(autosave, "_PAUSE", 0.01)
    viewer = make_napari_viewer(show=True)
    dock = open_dock(viewer, "Predict")
    dock.workspace.take_slide(slide)
    dock.spots.draw("add_rectangle")
    QApplication.processEvents()
    drag(viewer, slide, (100, 100), (500, 500))
    qtbot.waitUntil(lambda: saved() == 1)
    (index,) = sessions_dir().glob(f"*/{INDEX}")
    assert len(json.loads(index.read_text())["slides"][0]["shapes"]) == 1
    answers.press("Cancel", "Cancel")
    window_of(viewer).close()
    assert window_of(viewer).isVisible()
    for layer in [*viewer.layers]:  # its picture, and what was drawn on it
        viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: len(answers.asked) == 2)
    assert answers.asked == ["This discards 1 drawn region that was not saved."] * 2
    assert viewer.layers["Region"].nshapes == 1
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "kept"))
    ask_to_save(viewer)
    qtbot.waitUntil(lambda: not dock.workspace.unsaved_regions())
    qtbot.mouseClick(dock.slide.close_button, LEFT)
    assert dock.workspace.slides == ()


def test_a_session_can_be_discarded_whatever_the_clock_said(viewer, qtbot, monkeypatch):
    claim = claim_new()
    (claim.path / INDEX).write_text('{"version": 3, "slides": []}')
    os.utime(claim.path / INDEX, (2**42, 2**42))  # no calendar has it
    claim.let_go()
    panel = open_dock(viewer, "Predict").sessions
    for clock in (0, 2**32, 2**42):
        os.utime(claim.path / INDEX, (clock, clock))
        panel.note.clear()
        panel.refresh()
        assert "0 slides, 0 results" in panel.note.text()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    qtbot.mouseClick(panel.discard_button, LEFT)
    assert panel.isHidden()
    assert left_behind() == []
