"""What napari hands to plugins in place of the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from napari.viewer import Viewer


def unwrapped(viewer: Viewer) -> Viewer:
    """The viewer itself, which unlike its proxy is always the same object."""
    return cast("Viewer", getattr(viewer, "__wrapped__", viewer))
