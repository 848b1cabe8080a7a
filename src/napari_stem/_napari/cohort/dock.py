"""The Cohort dock: the slides of a cohort side by side, to compare and to open."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtGui import QHideEvent, QShowEvent

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.cohort.folder_panel import FolderPanel
from napari_stem._napari.cohort.shelf import Shelf
from napari_stem._napari.cohort.slides_panel import SlidesPanel
from napari_stem._napari.files.readers import open_in
from napari_stem._napari.shell.docks import unwrapped
from napari_stem._napari.shell.hints import by_names
from napari_stem._napari.shell.page import Page
from napari_stem.cohort.choice import prediction_of, why_not_opened

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.cohort.manifest import Row


class CohortDock(Page):
    """A folder that a cohort was written to, as a grid of thumbnails on one scale."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self._viewer = ref(viewer)
        workspace = workspace_of(viewer)
        self.shelf = Shelf(self)
        self.folder = FolderPanel(workspace, self.shelf)
        self.slides = SlidesPanel(workspace, self.shelf)
        self.fill(self.folder, self.slides)
        self.stretch(self.slides)
        self.slides.opened.connect(self._open)

    def showEvent(self, event: QShowEvent) -> None:
        """Follow a running cohort while the dock is in sight."""
        super().showEvent(event)
        self.shelf.follow(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest while the dock is hidden."""
        super().hideEvent(event)
        self.shelf.follow(False)

    def _open(self, row: Row) -> None:
        listing, viewer = self.shelf.listing, self._viewer()
        if listing is None or viewer is None:
            return
        if name := prediction_of(row):
            open_in(viewer, listing.folder / name)
        else:
            self.shelf.told.emit(f"⚠ {by_names(why_not_opened(row))}")
