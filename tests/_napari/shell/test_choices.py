"""What was chosen last is chosen again."""

from __future__ import annotations

from napari_stem._napari.shell.choices import (
    choose_checkpoint,
    choose_look,
    keep_grid,
    last_grid,
    last_look,
)
from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem._napari.state.grid_choice import GridChoice
from napari_stem._napari.state.workspace import Workspace
from napari_stem.storage import checkpoints_dir


def test_the_grid_is_visiums_until_another_was_laid():
    assert last_grid() == GridChoice(100, 55, "hexagonal")
    keep_grid(GridChoice(40.0, 30.0, "square"))
    assert last_grid() == GridChoice(40.0, 30.0, "square")
    assert last_grid().layout == "square"


def test_a_grid_of_another_kind_in_the_file_is_ignored():
    remember(pitch_um="wide", grid_layout="round")
    assert last_grid().pitch_um == 100
    assert last_grid().layout == "hex"


def test_the_latest_ten_checkpoints_from_elsewhere_are_kept(tmp_path, recipe):
    work = Workspace()
    paths = [tmp_path / f"{number}.safetensors" for number in range(12)]
    for path in (*paths, checkpoints_dir() / "installed.safetensors"):
        choose_checkpoint(work, ChosenCheckpoint(path, recipe, ""))
    assert remembered("checkpoints", []) == [str(path) for path in paths[:1:-1]]
    assert remembered("checkpoint", "") == str(work.checkpoint.path)


def test_heatmaps_look_as_they_did_last():
    assert Workspace(**last_look()).colormap == Workspace().colormap
    choose_look(Workspace(), "magma", 0.4, shared=True)
    again = Workspace(**last_look())
    assert (again.colormap, again.opacity, again.shared_contrast) == ("magma", 0.4, True)
