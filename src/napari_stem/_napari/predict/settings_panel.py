"""Options of a prediction and of where it runs; few are needed every day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_stem._napari.shell.form import Form
from napari_stem._napari.shell.remembered import remember_options
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class SettingsPanel(QWidget):
    """Draws per spot; sampler, seed, device and others are folded away."""

    changed = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.form = Form.of(workspace.options, workspace.compute)
        self._build()
        self.form.changed.connect(self._take)

    def _build(self) -> None:
        self.draws, self.seed = self.form["n_draws"], self.form["seed"]
        self.advanced = self.form.folded()
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        for label, control in self.form.rows():
            rows.addRow(label, control)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(rows)
        layout.addWidget(self.advanced)

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
        self._workspace.options, self._workspace.compute = self.options(), self.compute()
        self.changed.emit()

    def keep(self) -> None:
        """Remember the settings for the next start."""
        remember_options(self.options())
        remember_options(self.compute())
