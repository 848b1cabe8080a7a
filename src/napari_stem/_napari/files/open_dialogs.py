"""File > IO Utilities: open a file or a folder here that napari itself may claim, too."""

from __future__ import annotations

from napari.viewer import Viewer  # napari reads the annotation when it runs the command

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.readers import open_in
from napari_stem._napari.shell.dialogs import ask_file, ask_folder
from napari_stem._napari.shell.docks import unwrapped, window_of

_KIND = "any"


def open_file(viewer: Viewer) -> None:
    """Ask for a file and open it, whatever its format is called."""
    viewer = unwrapped(viewer)
    title = "Open a slide, spots, a prediction or a checkpoint"
    if path := ask_file(window_of(viewer), workspace_of(viewer), title, _KIND):
        open_in(viewer, path)


def open_folder(viewer: Viewer) -> None:
    """Ask for a folder and open it: spots with their slide, OME-Zarr, or SpatialData."""
    viewer = unwrapped(viewer)
    title = "Open a folder of spots, or a .zarr folder"
    if path := ask_folder(window_of(viewer), workspace_of(viewer), title, _KIND):
        open_in(viewer, path)
