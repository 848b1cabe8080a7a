"""How to train: what is held out, transform, preset, budget, and settings that matter to few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QSizePolicy, QSpinBox, QWidget
from superqt import QCollapsible
from superqt.utils import signals_blocked

from napari_stem._napari.shell.panel import Panel, fold
from napari_stem.training.plan import UNLIMITED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.training.plan import SectionSource

_SHARE, _NOTHING = "", "nothing"  # instead of the path of a section
_OWN = "the preset's"


class TrainingOptions(Panel):
    """A form; the last part is folded away."""

    heading = "Training"
    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self._show_budget()

    def _build(self) -> None:
        self.held_out = _narrow(QComboBox())
        self.held_out.setToolTip(
            "What training never sees; its figures tell what the checkpoint is worth. Sections of "
            "the same patient flatter, strips of the same section even more."
        )
        self.share = _narrow(QSpinBox())
        self.share.setToolTip("A strip at the right of each section; neighbours are too alike.")
        self.share.setRange(5, 50)
        self.share.setValue(20)
        self.share.setSuffix(" % of the spots")
        self.preset = _choice({"small (for CPUs)": "small", "paper (for GPUs)": "paper"})
        self.preset.setToolTip("small trains within minutes; paper is the published network.")
        self.transform = _choice(
            {"log2(count + 1)": "log2", "log(counts per 10,000 + 1)": "log1p_cp10k"}
        )
        self.transform.setToolTip("What is learned of raw counts; the first is the paper's.")
        self.geometry = _choice({"112 µm": "physical", "224 pixels (paper)": "paper"})
        self.geometry.setToolTip("Tissue that a patch covers; 112 µm needs the slides' scale.")
        self.budget = _choice({"Preset's steps": "", "Steps": "steps", "Minutes": "minutes"})
        self.budget.setToolTip("When training ends, unless you stop it.")
        self.amount = _narrow(QSpinBox())
        self.amount.setRange(1, 1_000_000)
        self.device = _choice({name: name for name in ("auto", "cpu", "cuda", "mps")})
        self.device.setToolTip("auto takes a GPU if there is one.")
        for label, widget in (
            ("Held out", self.held_out),
            ("", self.share),
            ("Preset", self.preset),
            ("Learn", self.transform),
            ("Patch", self.geometry),
            ("Budget", self.budget),
            ("", self.amount),
            ("Device", self.device),
        ):
            self.add_row(widget, label=label) if label else self.add_row(widget)
        self._build_advanced()
        self.add_row(self.advanced)
        self.note.setText("Figures on sections of the same patient, or on strips, flatter.")
        self.add_row(self.note)
        self._grid.setRowStretch(self._grid.rowCount(), 1)
        self.list_sections(())

    def _build_advanced(self) -> None:
        self.advanced = QCollapsible("Advanced settings", expandedIcon="▾", collapsedIcon="▸")
        self.advanced.setDuration(0)
        self.advanced.layout().setContentsMargins(0, 0, 0, 0)
        self.augmented = _own(QDoubleSpinBox(), -0.5, 7)
        self.augmented.setSingleStep(0.5)
        self.augmented.setToolTip("Flipped and turned views a patch for each original (paper 4).")
        self.batch = _own(QSpinBox(), 0, 4096)
        self.batch.setToolTip("Spots a training step.")
        self.rate = _own(QDoubleSpinBox(), 0, 1)
        self.rate.setDecimals(6)
        self.rate.setSingleStep(0.0001)
        self.rate.setToolTip("Learning rate.")
        self.seed = _narrow(QSpinBox())
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setToolTip("The same seed gives the same weights (default 0).")
        self.draws = _narrow(QSpinBox())
        self.draws.setRange(1, 1000)
        self.draws.setValue(20)
        self.draws.setToolTip("Realisations a held-out spot in the evaluation (default 20).")
        self.keep = _choice({"lowest held-out loss": "best", "last step": "last"})
        self.keep.setToolTip(
            "Which weights become the checkpoint. The first flatters the held-out figures a little."
        )
        form = QWidget()
        rows = QFormLayout(form)
        rows.setContentsMargins(0, 0, 0, 0)
        for label, widget in (
            ("Augmentation 1 :", self.augmented),
            ("Batch size", self.batch),
            ("Learning rate", self.rate),
            ("Seed", self.seed),
            ("Draws", self.draws),
            ("Keep", self.keep),
        ):
            rows.addRow(label, widget)
        fold(form, self.advanced)

    def _connect(self) -> None:
        self.held_out.currentIndexChanged.connect(self._show_share)
        self.budget.currentIndexChanged.connect(self._show_budget)
        self.geometry.currentIndexChanged.connect(self.changed)

    def list_sections(self, sources: Sequence[SectionSource]) -> None:
        """Offer the sections to be held out; the choice stays where it can."""
        chosen = self.held_out.currentData()
        with signals_blocked(self.held_out):
            self.held_out.clear()
            self.held_out.addItem("A share of each section", _SHARE)
            self.held_out.addItem("Nothing", _NOTHING)
            if len(sources) > 1:
                for source in sources:
                    self.held_out.addItem(f"Section {source.name}", source.path)
            self.held_out.setCurrentIndex(max(0, self.held_out.findData(chosen)))

    @property
    def physical(self) -> bool:
        """Whether patches need the slides' scale."""
        return bool(self.geometry.currentData() == "physical")

    @property
    def held_out_path(self) -> str:
        """Path of the section that is held out, "" if none is."""
        chosen = self.held_out.currentData()
        return "" if chosen in (_SHARE, _NOTHING) else str(chosen)

    def values(self) -> dict[str, Any]:
        """The settings by their names in `TrainPlan`."""
        fit: dict[str, Any] = {"seed": self.seed.value()}
        if self.budget.currentData() == "steps":
            fit["steps"] = self.amount.value()
        elif self.budget.currentData() == "minutes":
            fit |= {"steps": UNLIMITED, "minutes": float(self.amount.value())}
        if self.augmented.value() >= 0:
            fit["augmented"] = self.augmented.value()
        if self.batch.value():
            fit["batch_size"] = self.batch.value()
        if self.rate.value():
            fit["learning_rate"] = self.rate.value()
        share = self.share.value() / 100 if self.held_out.currentData() == _SHARE else 0.0
        return {
            "held_out_share": share,
            "preset": self.preset.currentData(),
            "transform": self.transform.currentData(),
            "geometry": self.geometry.currentData(),
            "fit": fit,
            "keep": self.keep.currentData(),
            "draws": self.draws.value(),
            "device": self.device.currentData(),
        }

    def _show_share(self) -> None:
        self.share.setVisible(self.held_out.currentData() == _SHARE)
        self.changed.emit()

    def _show_budget(self) -> None:
        kind = self.budget.currentData()
        self.amount.setVisible(bool(kind))
        self.amount.setSuffix(f" {kind}")
        self.amount.setValue({"steps": 2000, "minutes": 30}.get(kind, 1))
        self.changed.emit()


def _choice(entries: dict[str, str]) -> QComboBox:
    made = _narrow(QComboBox())
    for text, value in entries.items():
        made.addItem(text, value)
    return made


def _narrow(control: Any) -> Any:
    """The same control, as wide as its column allows."""
    control.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return control


def _own(box: Any, low: float, high: float) -> Any:
    """A number whose lowest value leaves the choice to the preset."""
    _narrow(box).setRange(low, high)
    box.setSpecialValueText(_OWN)
    box.setValue(low)
    return box
