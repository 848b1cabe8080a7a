"""Choices made in the docks that are restored at the next start."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stem._napari.shell.remembered import (
    remember,
    remember_options,
    remembered,
    remembered_options,
)
from napari_stem._napari.state.grid_choice import GridChoice
from napari_stem._napari.state.last_used import LastUsed
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import THRESHOLD
from napari_stem.storage import cache_dir, checkpoints_dir
from napari_stem.training.plan import PanelChoice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint

_WEIGHTS = "encoder_weights"
_LOOK = ("colormap", "opacity", "shared_contrast")
_EXPORT = ("export_folder", "export_format")
_LEIDEN = {"n_genes": "cluster_genes", "seed": "cluster_seed"}  # their names in the file
_PANEL = {"n": "panel_size"}


def last_choices() -> dict[str, Any]:
    """The last options, grid, colours and export, as fields of a workspace.

    A workspace reads them once: what is chosen in another window from then on stays there.
    """
    plain = (part for part in fields(Workspace) if part.name in (*_LOOK, *_EXPORT))
    grid = {part.name: remembered(part.name, part.default) for part in fields(GridChoice)}
    return {
        **{part.name: remembered(part.name, part.default) for part in plain},
        "grid": GridChoice(**grid),
        "options": remembered_options(PredictOptions),
        "leiden": remembered_options(LeidenOptions, _LEIDEN),
        "threshold": remembered("threshold", THRESHOLD),
        "compute": remembered_options(Compute),
        "last": _last_used(),
    }


def _last_used() -> LastUsed:
    first = LastUsed()
    return LastUsed(
        folders=remembered("folders", {}),
        checkpoint=remembered("checkpoint", ""),
        hidden_columns=tuple(remembered("hidden_columns", [*first.hidden_columns])),
        runs_folder=remembered("runs_folder", ""),
        panel_size=remembered_options(PanelChoice, _PANEL).n,
    )


def choose_grid(workspace: Workspace, choice: GridChoice) -> None:
    """Use the settings of a grid from now on, also after the next start."""
    workspace.grid = choice
    remember(**asdict(choice))


def choose_look(workspace: Workspace, colormap: str, opacity: float, *, shared: bool) -> None:
    """Colour heatmaps so from now on, also after the next start."""
    workspace.colour(colormap, opacity, shared_contrast=shared)
    remember(**{name: getattr(workspace, name) for name in _LOOK})


def choose_leiden(workspace: Workspace, options: LeidenOptions) -> None:
    """Cluster so from now on, also after the next start."""
    workspace.leiden = options
    remember_options(options, _LEIDEN)


def choose_threshold(workspace: Workspace, threshold: float) -> None:
    """Use the threshold of P(above threshold) from now on, also after the next start."""
    workspace.threshold = threshold
    remember(threshold=threshold)


def choose_export(workspace: Workspace, path: Path, suffix: str) -> None:
    """Propose the folder of an export from now on, and its format, also after the next start."""
    workspace.export_folder, workspace.export_format = str(path.parent), suffix
    remember(**{name: getattr(workspace, name) for name in _EXPORT})


def choose_checkpoint(workspace: Workspace, checkpoint: ChosenCheckpoint) -> None:
    """Use a checkpoint from now on, also after the next start."""
    path = str(checkpoint.path)
    if checkpoint.path.parent != checkpoints_dir():
        others = [other for other in remembered("checkpoints", []) if other != path]
        remember(checkpoints=[path, *others][:10])
    reopen_checkpoint(workspace, path)
    workspace.checkpoint = checkpoint
    workspace.grid = _grid_of(checkpoint, workspace.grid)


def reopen_checkpoint(workspace: Workspace, path: str) -> None:
    """Choose the checkpoint of a path at the next start; "" for none."""
    workspace.last = replace(workspace.last, checkpoint=path)
    remember(checkpoint=path)


def choose_folder(workspace: Workspace, kind: str, folder: Path) -> None:
    """Start file dialogs of a kind in a folder from now on, also after the next start."""
    workspace.last = replace(workspace.last, folders={**workspace.last.folders, kind: str(folder)})
    remember(folders={**remembered("folders", {}), kind: str(folder)})


def hide_columns(workspace: Workspace, hidden: Collection[str]) -> None:
    """Hide these columns of the gene table from now on, also after the next start."""
    workspace.last = replace(workspace.last, hidden_columns=tuple(hidden))
    remember(hidden_columns=[*hidden])


def choose_runs(workspace: Workspace, folder: str, panel_size: int) -> None:
    """Train in a folder and on so many genes from now on, also after the next start."""
    workspace.last = replace(workspace.last, runs_folder=folder, panel_size=panel_size)
    others = (other for other in remembered("runs_folders", []) if Path(other).is_dir())
    remember(
        runs_folder=folder,
        runs_folders=list(dict.fromkeys([folder, *others])),
        panel_size=panel_size,
    )


def _grid_of(checkpoint: ChosenCheckpoint, former: GridChoice) -> GridChoice:
    """A grid like the spots that a checkpoint learned from, where it states them."""
    about = checkpoint.about
    return replace(
        former,
        pitch_um=float(about.get("pitch_um", former.pitch_um)),
        diameter_um=float(about.get("diameter_um", former.diameter_um)),
    )


def chosen_weights(encoders: Iterable[str]) -> dict[str, Path]:
    """The weights files that were chosen for these encoders and still exist."""
    known = remembered(_WEIGHTS, {})
    found = {name: Path(known[name]) for name in encoders if name in known}
    return {name: path for name, path in found.items() if path.is_file()}


def choose_weights(encoder: str, path: Path) -> None:
    """Use a local weights file for an encoder from now on."""
    remember(**{_WEIGHTS: {**remembered(_WEIGHTS, {}), encoder: str(path)}})


def compute_for(checkpoint: ChosenCheckpoint, compute: Compute) -> Compute:
    """The same with the user's cache, and the weights files of the checkpoint's encoders."""
    return replace(compute, cache=cache_dir(), weights=checkpoint.weights)
