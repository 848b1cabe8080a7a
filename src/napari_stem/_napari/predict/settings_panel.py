"""Options of a prediction and of where it runs; few are needed every day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal

from napari_stem._napari.shell.form import Form
from napari_stem._napari.shell.panel import Panel
from napari_stem._napari.shell.remembered import remember_options
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class SettingsPanel(Panel):
    """Draws per spot; sampler, seed, device and others are folded away."""

    heading = "4  Settings"
    foldable = True
    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.form = Form.of(workspace.options, workspace.compute)
        self.draws, self.seed = self.form["n_draws"], self.form["seed"]
        self.advanced = self.form.folded()
        for label, control in self.form.rows():
            self.add_row(control, label=label)
        self.add_row(self.advanced)
        self.add_row(self.note)
        self.note.hide()  # there is nothing to say
        self.form.changed.connect(self._take)

    def summary(self) -> str:
        return counted(self.workspace.options.n_draws, "draw")

    def options(self) -> PredictOptions:
        """What decides the draws."""
        return self.form.value(PredictOptions)

    def compute(self) -> Compute:
        """Where it runs, without cache and weights."""
        return self.form.value(Compute)

    def offer_devices(self, names: list[str]) -> None:
        """Offer these devices, which are here."""
        self.form.offer("device", {name: name for name in names})

    def _take(self) -> None:
        """Use the settings from now on, in this dock and in others of the window."""
        self.workspace.options, self.workspace.compute = self.options(), self.compute()
        self.changed.emit()

    def keep(self) -> None:
        """Remember the settings for the next start."""
        remember_options(self.options())
        remember_options(self.compute())
