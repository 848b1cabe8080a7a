"""What was chosen last is chosen again."""

from __future__ import annotations

from dataclasses import replace

from napari_stem._napari.shell.choices import (
    choose_checkpoint,
    choose_grid,
    choose_look,
    last_choices,
)
from napari_stem._napari.shell.remembered import remember, remember_options, remembered
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem._napari.state.grid_choice import GridChoice
from napari_stem._napari.state.workspace import Workspace
from napari_stem.prediction.options import PredictOptions
from napari_stem.storage import checkpoints_dir

from ..conftest import CHECKPOINT


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
