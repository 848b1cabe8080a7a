"""How to train: what is held out, and the options of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QSpinBox
from superqt.utils import signals_blocked

from napari_stem._napari.shell.form import Form
from napari_stem._napari.shell.panel import Panel
from napari_stem.options import options_of
from napari_stem.training.plan import FIT_OPTIONS, TrainPlan, chosen_fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.training.plan import SectionSource

_SHARE, _NOTHING = "", "nothing"  # instead of the path of a section


class TrainingOptions(Panel):
    """A form; the last part is folded away."""

    heading = "Training"
    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()

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
        self.form = Form({**options_of(TrainPlan), **FIT_OPTIONS})
        self.advanced = self.form.folded()
        self.add_row(self.held_out, label="Held out")
        self.add_row(self.share)
        for label, control in self.form.rows():
            self.add_row(control, label=label)
        self.add_row(self.advanced)
        self.note.setText("Metrics on the same patient, or on strips of a section, are optimistic.")
        self.add_row(self.note)
        self._grid.setRowStretch(self._grid.rowCount(), 1)
        self.list_sections(())

    def _connect(self) -> None:
        self.held_out.currentIndexChanged.connect(self._show_share)
        self.form.changed.connect(self.changed)

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
        return bool(self.form.values()["geometry"] == "physical")

    @property
    def held_out_path(self) -> str:
        """Path of the section that is held out, "" if none is."""
        chosen = self.held_out.currentData()
        return "" if chosen in (_SHARE, _NOTHING) else str(chosen)

    def values(self) -> dict[str, Any]:
        """The settings by their names in `TrainPlan`."""
        chosen = self.form.values()
        share = self.share.value() / 100 if self.held_out.currentData() == _SHARE else 0.0
        plan = {name: chosen[name] for name in options_of(TrainPlan)}
        return {"held_out_share": share, "fit": chosen_fit(chosen), **plan}

    def _show_share(self) -> None:
        self.share.setVisible(self.held_out.currentData() == _SHARE)
        self.changed.emit()


def _narrow(control: Any) -> Any:
    """The same control, as wide as its column allows."""
    control.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return control
