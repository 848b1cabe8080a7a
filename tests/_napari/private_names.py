"""What tests take from napari that is not public; nothing else of them is."""

from __future__ import annotations

from typing import Any

from napari._app_model import get_app_model
from napari._app_model.constants import MenuId
from napari.viewer import Viewer
from qtpy.QtWidgets import QWidget

__all__ = ["MenuId", "canvas_of", "get_app_model", "tasks_of"]


def canvas_of(viewer: Viewer) -> QWidget:
    """The widget that napari draws in."""
    return viewer.window._qt_viewer.canvas.native


def tasks_of(viewer: Viewer) -> Any:
    """What napari knows of running tasks, also after the viewer has closed."""
    return viewer.window._task_status_manager
