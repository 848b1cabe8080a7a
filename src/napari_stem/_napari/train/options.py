"""How to train: what is held out, and the options of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QListWidget, QListWidgetItem, QSizePolicy, QSpinBox
from superqt.utils import signals_blocked

from napari_stem._napari.shell.form import Form
from napari_stem._napari.shell.panel import EDGED_BOXES, Panel
from napari_stem._napari.shell.worker import start
from napari_stem._napari.train import tasks
from napari_stem.model.fit_config import FIT_OPTIONS, chosen_fit
from napari_stem.options import options_of
from napari_stem.training.plan import TrainPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.training.plan import SectionSource

_SHARE, _NOTHING, _SECTIONS = "share", "nothing", "sections"
_PATH = Qt.ItemDataRole.UserRole
_LIST_HEIGHT = 76  # pixels


class TrainingOptions(Panel):
    """A form; the last part is folded away."""

    heading = "Training"
    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        start(tasks.find_devices(), self).result.connect(self._offer_devices)

    def _build(self) -> None:
        self.held_out = _narrow(QComboBox())
        self.held_out.setToolTip(
            "Data that training never sees, for the held-out metrics. Sections of the same patient "
            "make them optimistic, strips of the same section even more."
        )
        self.share = _narrow(QSpinBox())
        self.share.setToolTip("A strip at the right of each section (default 20 % of its spots).")
        self.share.setRange(5, 50)
        self.share.setValue(20)
        self.share.setSuffix(" % of the spots")
        self.chosen = QListWidget()
        self.chosen.setToolTip("Tick the sections that training never sees.")
        self.chosen.setStyleSheet(EDGED_BOXES)
        self.chosen.setFixedHeight(_LIST_HEIGHT)
        self.form = Form({**options_of(TrainPlan), **FIT_OPTIONS})
        self.advanced = self.form.folded()
        self.add_row(self.held_out, label="Held out")
        self.add_row(self.share)
        self.add_row(self.chosen)
        for label, control in self.form.rows():
            self.add_row(control, label=label)
        self.add_row(self.advanced)
        self.note.setText("Metrics on the same patient, or on strips of a section, are optimistic.")
        self.add_row(self.note)
        self._grid.setRowStretch(self._grid.rowCount(), 1)
        self.list_sections(())

    def _connect(self) -> None:
        self.held_out.currentIndexChanged.connect(self._show_choice)
        self.chosen.itemChanged.connect(self.changed)
        self.form.changed.connect(self.changed)

    def _offer_devices(self, names: list[str]) -> None:
        self.form.offer("device", {name: name for name in names})

    def list_sections(self, sources: Sequence[SectionSource]) -> None:
        """Offer the sections to be held out; the choice stays where it can."""
        way, ticked = self.held_out.currentData(), self._ticked()
        with signals_blocked(self.held_out):
            self.held_out.clear()
            self.held_out.addItem("A share of each section", _SHARE)
            self.held_out.addItem("Nothing", _NOTHING)
            if len(sources) > 1:
                self.held_out.addItem("Whole sections", _SECTIONS)
            self.held_out.setCurrentIndex(max(0, self.held_out.findData(way)))
        with signals_blocked(self.chosen):
            self.chosen.clear()
            for source in sources:
                item = QListWidgetItem(source.name, self.chosen)
                item.setData(_PATH, source.path)
                is_ticked = source.path in ticked
                item.setCheckState(Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked)
        self._show_parts()

    @property
    def physical(self) -> bool:
        """Whether what is seen around a spot needs the slides' scale."""
        chosen = self.form.values()
        return chosen["geometry"] == "physical" or chosen["surroundings"] is not None

    @property
    def held_out_paths(self) -> frozenset[str]:
        """Paths of the sections that are held out."""
        return self._ticked() if self.held_out.currentData() == _SECTIONS else frozenset()

    def problem(self) -> str:
        """Why one cannot train with what is held out, "" if one can."""
        if self.held_out.currentData() == _NOTHING and self.form.values()["recalibrate"]:
            return "Hold out what intervals are recalibrated with, or leave them as drawn."
        if self.held_out.currentData() != _SECTIONS:
            return ""
        n_ticked = len(self._ticked())
        if not n_ticked:
            return "Tick the sections to hold out, or hold out nothing."
        if n_ticked == self.chosen.count():
            return "All sections are held out. Leave at least one to train on."
        return ""

    def values(self) -> dict[str, Any]:
        """The settings by their names in `TrainPlan`."""
        chosen = self.form.values()
        share = self.share.value() / 100 if self.held_out.currentData() == _SHARE else 0.0
        plan = {name: chosen[name] for name in options_of(TrainPlan)}
        return {"held_out_share": share, "fit": chosen_fit(chosen), **plan}

    def _ticked(self) -> frozenset[str]:
        items = (self.chosen.item(row) for row in range(self.chosen.count()))
        return frozenset(
            str(item.data(_PATH)) for item in items if item.checkState() == Qt.CheckState.Checked
        )

    def _show_choice(self) -> None:
        self._show_parts()
        self.changed.emit()

    def _show_parts(self) -> None:
        way = self.held_out.currentData()
        self.share.setVisible(way == _SHARE)
        self.chosen.setVisible(way == _SECTIONS)


def _narrow(control: Any) -> Any:
    """The same control, as wide as its column allows."""
    control.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return control
