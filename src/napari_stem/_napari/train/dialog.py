"""The training dialog: set up, start and watch a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from qtpy.QtWidgets import QDialog, QPushButton, QStackedLayout, QWidget

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.docks import window_of
from napari_stem._napari.shell.panel import complain
from napari_stem._napari.shell.worker import notify
from napari_stem._napari.train.controller import Trainings
from napari_stem._napari.train.run_page import TrainingView
from napari_stem._napari.train.setup import TrainingSetup
from napari_stem.errors import StemError

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.training.plan import TrainPlan

_SIZE = 980, 680


class TrainingDialog(QDialog):
    """A window beside the viewer that does not block it; closing it does not stop a run."""

    def __init__(self, viewer: Viewer, parent: QWidget) -> None:
        super().__init__(parent)
        self._trainings = Trainings.of(viewer)
        self.setWindowTitle("Train")
        self.resize(*_SIZE)
        self.setup = TrainingSetup(workspace_of(viewer))
        self.view = TrainingView(self._trainings, viewer.theme)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.setup)
        self._pages.addWidget(self.view)
        for control in self.findChildren(QPushButton):
            control.setAutoDefault(False)  # Enter in a field would press the next one
        self.setup.start.connect(self._start)
        self._trainings.changed.connect(self._offer)
        viewer.events.theme.connect(self._set_theme)
        self._offer()

    @classmethod
    def of(cls, viewer: Viewer) -> TrainingDialog:
        """The dialog of a viewer, made at the first call; it ends with the window."""
        if viewer not in _dialogs:
            _dialogs[viewer] = cls(viewer, window_of(viewer))
        return _dialogs[viewer]

    def show_setup(self) -> None:
        """Show the form for a new run, with what was filled in before."""
        self._open(self.setup, "New training")

    def show_run(self, folder: Path) -> None:
        """Show a run."""
        self.view.show_run(folder)
        self._open(self.view, f"Training: {folder.name}")

    def _open(self, page: QWidget, title: str) -> None:
        self._pages.setCurrentWidget(page)
        self.setWindowTitle(title)
        self.show()
        self.raise_()

    def _offer(self) -> None:
        running = self._trainings.running
        self.setup.wait_for(running.folder.name if running else "")

    def _start(self, folder: Path, plan: TrainPlan) -> None:
        try:
            self._trainings.begin(folder, plan)
        except StemError as error:
            notify(error)
            complain(self.setup.reason, error)
        else:
            self.show_run(folder)

    def _set_theme(self, event: object) -> None:
        self.view.curves.set_theme(str(getattr(event, "value", "dark")))


_dialogs: WeakKeyDictionary[Viewer, TrainingDialog] = WeakKeyDictionary()
