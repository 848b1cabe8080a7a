"""The open slides with all that a session keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.keeping.session_folder import OpenSlide
from napari_stem._napari.state.session import are_same

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


def open_slides(workspace: Workspace) -> list[OpenSlide]:
    """What a session of a workspace consists of."""
    found = [(slide, workspace.session_of(slide)) for slide in workspace.slides]
    running = workspace.run.request or workspace.interrupted
    return [
        OpenSlide(
            slide,
            session,
            workspace.points_of(slide),
            workspace.regions_of(slide),
            running if running and are_same(running.slide, slide) else None,
        )
        for slide, session in found
        if session
    ]
