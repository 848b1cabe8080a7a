"""A quick estimate, before training, of how well the image tells the chosen genes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.train import tasks

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.training.plan import TrainPlan


class GeneEstimate(Panel):
    """A button, and how many genes are of which class."""

    heading = "Predictability"

    def __init__(self, workspace: Workspace, plan: Callable[[], TrainPlan]) -> None:
        super().__init__(workspace)
        self._plan = plan
        self._asked: TrainPlan | None = None
        self.estimate_button = button(
            "Estimate",
            "Estimate, without training, how well the image tells each gene: a regression predicts "
            "each section from the others. Takes seconds once the patches are described, which "
            "training needs as well.",
        )
        self.estimate_button.clicked.connect(self._start)
        self.add_row(self.estimate_button)
        self.add_row(self.note)

    def offer(self, possible: bool) -> None:
        """Enable the button if the plan is complete; an estimate of another plan is dropped."""
        self.estimate_button.setEnabled(possible)
        if not self.is_busy and not (possible and self._plan() == self._asked):
            self.note.clear()

    def _start(self) -> None:
        self._asked = self._plan()
        self.run(tasks.estimate(self._asked), "Describing patches…", self._show)

    def _show(self, lines: list[str]) -> None:
        self.note.setText("\n".join(lines))
