"""Offers to continue the prediction that ran when napari ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.predict.tasks import predict
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel, button
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class ResumePanel(Panel):
    """Shown while a session holds such a prediction, and no other one runs."""

    heading = "Interrupted prediction"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.continue_button = button("Continue", "Predict on from the draws that are stored.")
        self.dismiss_button = button("Dismiss", "Do not continue it.")
        self.add_row(self.note)
        self.add_row(self.continue_button, self.dismiss_button)
        self.continue_button.clicked.connect(self._continue)
        self.dismiss_button.clicked.connect(self._dismiss)
        self.follow("interrupted")
        listen(self, workspace.run.events.request, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        request = self.workspace.interrupted
        self.setVisible(request is not None and self.workspace.run.request is None)
        if request is not None:
            self.note.setText(
                f"{self.workspace.name_of(request.slide)} was being predicted when napari ended: "
                f"{counted(request.n_draws, 'draw')} with {request.checkpoint.path.stem}."
            )

    def _continue(self) -> None:
        request = self.workspace.interrupted
        assert request is not None  # otherwise the panel is hidden
        self.workspace.show_slide(request.slide)
        self.workspace.predict(request, predict)

    def _dismiss(self) -> None:
        self.workspace.interrupted = None
