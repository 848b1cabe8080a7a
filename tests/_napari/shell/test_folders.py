"""Every file dialog starts beside the slide, or else where the last one of its kind ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.choices import last_choices
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.slides.slide import open_slide
from napari_stem.storage import checkpoints_dir, runs_dir

from ..conftest import CHECKPOINT, is_busy
from ..private_names import get_app_model


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders in which dialogs started, all of which are cancelled."""
    folders: list[str] = []
    for name, answer in (
        ("getOpenFileName", ("", "")),
        ("getOpenFileNames", ([], "")),
        ("getExistingDirectory", ""),
    ):
        monkeypatch.setattr(
            QFileDialog,
            name,
            lambda _, __, folder, *___, answer=answer: folders.append(folder) or answer,
        )
    return folders


def command(name: str) -> Callable[[], object]:
    return lambda: get_app_model().commands.execute_command(f"napari-stem.{name}").result()


@pytest.fixture
def dialogs(viewer: Any, qtbot: Any) -> dict[str, Callable[[], object]]:
    """What opens each dialog, as a user would."""
    predict, setup = open_dock(viewer, "Predict"), open_dock(viewer, "Train").dialog().setup
    recipe = make_recipe("small", ("A",), encoders=("uni",))
    predict.workspace.checkpoint = ChosenCheckpoint(CHECKPOINT.path, recipe, "")
    (uni,) = setup.encoders.table.findItems("uni", Qt.MatchFlag.MatchExactly)
    setup.encoders.table.selectRow(uni.row())
    qtbot.waitUntil(lambda: not is_busy(viewer))
    return {
        "slide": predict.slide.open_button.click,
        "spots": predict.spots.file_button.click,
        "spots folder": predict.spots.folder_button.click,
        "checkpoint": predict.checkpoint.open_button.click,
        "weights": predict.checkpoint.weights_button.menu().actions()[0].trigger,
        "markers": predict.result.markers.menu_button.menu().actions()[0].trigger,
        "weights to train with": setup.encoders.weights_button.click,
        "genes": setup.genes.file_button.click,
        "sections": setup.sections.folder_button.click,
        "sections' files": setup.sections.file_button.click,
        "runs": setup.folder_button.click,
        "cohort": open_dock(viewer, "Cohort").folder.open_button.click,
        "session": command("save_session"),
        "saved session": command("open_session"),
        "any file": command("open_file"),
        "any folder": command("open_folder"),
    }


def test_all_dialogs_start_beside_the_slide_or_where_their_last_one_ended(
    viewer, dialogs, started, section, saved, tmp_path, monkeypatch
):
    workspace = workspace_of(viewer)
    workspace.take_slide(section.slide)  # which has no file
    first = {"checkpoint": str(checkpoints_dir()), "runs": str(runs_dir())}
    for name, ask in dialogs.items():
        ask()
        assert started.pop() == first.get(name, ""), name
    with monkeypatch.context() as agreeing:
        chosen = str(tmp_path / "all runs" / "mine")
        agreeing.setattr(QFileDialog, "getExistingDirectory", lambda *_: chosen)
        dialogs["runs"]()
    dialogs["runs"]()
    assert started.pop() == str(tmp_path / "all runs")
    assert last_choices()["last"].folders == {"runs": str(tmp_path / "all runs")}
    with open_slide(saved[0] / "slide.tif") as slide:
        workspace.take_slide(slide)
        for name, ask in dialogs.items():
            ask()
            assert Path(started.pop()) == saved[0], name
