"""File > IO Utilities: open a file or a folder here that napari itself may claim, too."""

from __future__ import annotations

from pathlib import Path

from napari.viewer import Viewer  # napari reads the annotation when it runs the command
from qtpy.QtWidgets import QFileDialog

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.readers import open_in
from napari_stem._napari.shell.dialogs import beside
from napari_stem._napari.shell.docks import unwrapped, window_of
from napari_stem._napari.shell.remembered import remember, remembered

_FOLDER = "open_folder"


def open_file(viewer: Viewer) -> None:
    """Ask for a file and open it, whatever its format is called."""
    viewer = unwrapped(viewer)
    title = "Open a slide, spots, a prediction or a checkpoint"
    path, _ = QFileDialog.getOpenFileName(window_of(viewer), title, _first_folder(viewer))
    _open(viewer, path)


def open_folder(viewer: Viewer) -> None:
    """Ask for a folder and open it: spots with their slide, OME-Zarr, or SpatialData."""
    viewer = unwrapped(viewer)
    title = "Open a folder of spots, or a .zarr folder"
    path = QFileDialog.getExistingDirectory(window_of(viewer), title, _first_folder(viewer))
    _open(viewer, path)


def _open(viewer: Viewer, path: str) -> None:
    if path:
        remember(**{_FOLDER: str(Path(path).parent)})
        open_in(viewer, Path(path))


def _first_folder(viewer: Viewer) -> str:
    return beside(workspace_of(viewer).slide, remembered(_FOLDER, ""))
