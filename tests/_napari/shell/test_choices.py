"""What was chosen last is chosen again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.choices import (
    choose_checkpoint,
    choose_export,
    choose_folder,
    choose_grid,
    choose_leiden,
    choose_look,
    choose_runs,
    hide_columns,
    last_choices,
    reopen_checkpoint,
)
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.shell.remembered import remember, remember_options, remembered
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem._napari.state.grid_choice import GridChoice
from napari_stem._napari.state.last_used import LastUsed
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.checkpoints.starter import starter_file
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import THRESHOLD
from napari_stem.storage import checkpoints_dir

from ..conftest import CHECKPOINT, is_busy


def test_a_window_begins_with_the_last_choices_and_keeps_to_its_own():
    first, other = (Workspace(**last_choices()) for _ in range(2))
    assert first.grid == GridChoice(100, 55, "hexagonal")
    choose_grid(first, GridChoice(40.0, 30.0, "square"))
    remember_options(PredictOptions(n_draws=7))
    assert first.grid.layout == "square"
    assert (other.grid, other.options) == (GridChoice(), PredictOptions())
    again = Workspace(**last_choices())
    assert (again.grid, again.options.n_draws) == (first.grid, 7)


def test_a_grid_of_another_kind_in_the_file_is_ignored():
    remember(pitch_um="wide", grid_layout="round")
    grid = last_choices()["grid"]
    assert (grid.pitch_um, grid.layout) == (100, "hex")


def test_the_latest_ten_checkpoints_from_elsewhere_are_kept(tmp_path, recipe):
    work = Workspace()
    paths = [tmp_path / f"{number}.safetensors" for number in range(12)]
    for path in (*paths, checkpoints_dir() / "installed.safetensors"):
        choose_checkpoint(work, ChosenCheckpoint(path, recipe, ""))
    assert remembered("checkpoints", []) == [str(path) for path in paths[:1:-1]]
    assert remembered("checkpoint", "") == str(work.checkpoint.path)


def test_heatmaps_look_as_they_did_last():
    assert Workspace(**last_choices()).colormap == Workspace().colormap
    choose_look(Workspace(), "magma", 0.4, shared=True)
    again = Workspace(**last_choices())
    assert (again.colormap, again.opacity, again.shared_contrast) == ("magma", 0.4, True)


def test_the_grid_follows_a_checkpoint_that_states_that_of_its_spots():
    workspace = Workspace(grid=GridChoice(60, 55, "square"))
    choose_checkpoint(workspace, CHECKPOINT)
    assert workspace.grid == GridChoice(60, 55, "square")
    about = {"pitch_um": 200.0, "diameter_um": 100.0}
    choose_checkpoint(workspace, replace(CHECKPOINT, about=about))
    assert workspace.grid == GridChoice(200, 100, "square")


def test_settings_and_folders_of_one_window_never_reach_another(make_napari_viewer, qtbot):
    one, other = (make_napari_viewer() for _ in range(2))
    docks = {name: open_dock(one, name) for name in ("Predict", "Clusters", "Export")}
    theirs = workspace_of(other)  # its window is open already
    docks["Predict"].settings.draws.setValue(7)
    docks["Predict"].settings.keep()
    choose_grid(docks["Predict"].workspace, GridChoice(40.0, 30.0, "square"))
    docks["Predict"].result.threshold.setValue(2.5)
    docks["Predict"].result.opacity.setValue(30)
    choose_leiden(docks["Clusters"].workspace, LeidenOptions(resolution=0.3))
    choose_export(workspace_of(one), Path("elsewhere/file.csv"), ".csv")
    hide_columns(docks["Predict"].workspace, ("trust",))
    choose_folder(docks["Predict"].workspace, "spots", Path("elsewhere"))
    reopen_checkpoint(docks["Predict"].workspace, str(starter_file()))
    choose_runs(docks["Predict"].workspace, "elsewhere", 7)
    predict, clusters = open_dock(other, "Predict"), open_dock(other, "Clusters")
    assert theirs.options == PredictOptions()
    assert predict.settings.draws.value() == PredictOptions().n_draws
    assert (predict.spots.pitch.value(), predict.result.threshold.value()) == (100, THRESHOLD)
    assert predict.result.opacity.value() == 80
    assert clusters.leiden.form.value(LeidenOptions) == LeidenOptions()
    assert (theirs.export_folder, theirs.export_format) == ("", "")
    assert (theirs.last, theirs.checkpoint) == (LastUsed(), None)
    again = Workspace(**last_choices())
    assert again.threshold == 2.5
    files = {"folders": {"spots": "elsewhere"}, "checkpoint": str(starter_file())}
    assert again.last == LastUsed(
        **files, hidden_columns=("trust",), runs_folder="elsewhere", panel_size=7
    )
    qtbot.waitUntil(lambda: not (is_busy(one) or is_busy(other)))  # libraries load
