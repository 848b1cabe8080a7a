"""Settings of a prediction that matter to few."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QSpinBox, QWidget
from superqt import QCollapsible

from napari_stem._napari.shell.panel import fold
from napari_stem._napari.shell.remembered import remember, remembered

# A sampler, and how many steps it needs to keep the spread of the draws.
_SAMPLERS = {"dpm++": 20, "ddim": 100, "ancestral": 1000}
_DEVICES = ("auto", "cpu", "cuda", "mps")


class SettingsPanel(QCollapsible):
    """Draws, sampler, seed and device, folded away."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Advanced settings", parent, expandedIcon="▾", collapsedIcon="▸")
        self.setDuration(0)
        self.toggleButton().setToolTip("Settings that matter to few; the defaults suit most.")
        self.layout().setContentsMargins(0, 0, 0, 0)
        form = QWidget()
        self._form = QFormLayout(form)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._build()
        self.sampler.textActivated.connect(lambda name: self.steps.setValue(_SAMPLERS[name]))
        fold(form, self)
        for number in (self.draws, self.steps, self.seed):
            number.valueChanged.connect(self.changed)

    def _build(self) -> None:
        self.draws = _number(1, 1000, "n_draws", 20)
        self.draws.setToolTip(
            "Realisations a spot (default 20). Their mean is the prediction, their spread its "
            "uncertainty."
        )
        self.sampler = _choice(_SAMPLERS, "sampler")
        self.sampler.setToolTip(
            "dpm++ (default) is quick; ancestral is the paper's, with 1,000 steps."
        )
        self.steps = _number(1, 1000, "steps", 20)
        self.steps.setToolTip("Evaluations of the network a draw (default 20 for dpm++).")
        self.seed = _number(0, 2**31 - 1, "seed", 0)
        self.seed.setToolTip("The same seed gives a spot the same draws (default 0).")
        self.device = _choice(_DEVICES, "device")
        self.device.setToolTip("auto (default) takes a GPU if there is one.")
        self.batch = _number(1, 4096, "batch_size", 256)
        self.batch.setToolTip("Spots at once (default 256); halved when memory runs out.")
        for label, widget in (
            ("Draws", self.draws),
            ("Sampler", self.sampler),
            ("Steps", self.steps),
            ("Seed", self.seed),
            ("Device", self.device),
            ("Batch size", self.batch),
        ):
            self._form.addRow(label, widget)

    def values(self) -> dict[str, Any]:
        """The settings by their names in `PredictRequest`."""
        return {
            "n_draws": self.draws.value(),
            "sampler": self.sampler.currentText(),
            "steps": self.steps.value(),
            "seed": self.seed.value(),
            "device": self.device.currentText(),
            "batch_size": self.batch.value(),
        }

    def keep(self) -> None:
        """Remember the settings for the next start."""
        remember(**self.values())


def _number(low: int, high: int, name: str, default: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(low, high)
    made.setValue(remembered(name, default))
    return made


def _choice(names: Any, name: str) -> QComboBox:
    made = QComboBox()
    made.addItems(list(names))
    made.setCurrentText(remembered(name, next(iter(names))))
    return made
