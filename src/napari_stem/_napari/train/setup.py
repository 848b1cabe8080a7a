"""Everything about a training run before it starts, checked as it is filled in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_stem._napari.shell.panel import Panel, button, ignore_wheel
from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem._napari.train.encoders import TrainingEncoders
from napari_stem._napari.train.genes import TrainingGenes
from napari_stem._napari.train.options import TrainingOptions
from napari_stem._napari.train.sections import TrainingSections
from napari_stem.storage import runs_dir
from napari_stem.training.plan import TrainPlan
from napari_stem.training.run_folder import free_path, safe_name

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class TrainingSetup(QWidget):
    """Sections above, genes, encoders and options below, and Start with what stands in its way."""

    start = Signal(object, object)  # the run's folder and its plan

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._busy = ""
        self._named = False  # by the user
        self._build(workspace)
        self._connect()
        self._check()

    def _build(self, workspace: Workspace) -> None:
        self.sections = TrainingSections()
        self.genes = TrainingGenes(workspace)
        self.encoders = TrainingEncoders(workspace)
        self.options = TrainingOptions(workspace)
        self.name = QLineEdit()
        self.name.setToolTip("Name of the run, and later of its checkpoint.")
        self.folder = QLineEdit(remembered("runs_folder", str(runs_dir())))
        self.folder.setToolTip("Folder of runs; a folder of the run's name is made in it.")
        self.folder_button = button("…", "Choose the folder of runs.")
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.start_button = button("Start", "Train in the background.")
        columns = QHBoxLayout()
        for part, stretch in ((self.genes, 4), (self.encoders, 5), (self.options, 5)):
            columns.addWidget(_scrolled(part), stretch)
        place = QHBoxLayout()
        place.addWidget(QLabel("Name"))
        place.addWidget(self.name, 2)
        place.addWidget(QLabel("in"))
        place.addWidget(self.folder, 3)
        place.addWidget(self.folder_button)
        bottom = QHBoxLayout()
        bottom.addWidget(self.reason, 1)
        bottom.addWidget(self.start_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.sections, 4)
        layout.addLayout(columns, 5)
        layout.addLayout(place)
        layout.addLayout(bottom)
        ignore_wheel(self)

    def _connect(self) -> None:
        self.sections.changed.connect(self._take_sections)
        for part in (self.genes, self.encoders, self.options):
            part.changed.connect(self._check)
        self.options.held_out.currentIndexChanged.connect(self._take_sections)
        self.name.textEdited.connect(self._name)
        self.name.textChanged.connect(self._check)
        self.folder.textChanged.connect(self._check)
        self.folder_button.clicked.connect(self._ask_folder)
        self.start_button.clicked.connect(self._start)

    def wait_for(self, running: str) -> None:
        """Name the run that must end before another starts, "" if there is none."""
        self._busy = running
        self._check()

    def plan(self) -> TrainPlan:
        """What is filled in."""
        sources, out = self.sections.sources, self.options.held_out_path
        return TrainPlan(
            sections=tuple(source for source in sources if source.path != out),
            held_out=tuple(source for source in sources if source.path == out),
            panel=self.genes.choice(),
            encoders=self.encoders.encoders(),
            weights=self.encoders.weights(),
            **self.options.values(),
        )

    def problem(self) -> str:
        """The first thing that stands in the way of starting, "" if nothing does."""
        name, folder = self.name.text(), Path(self.folder.text())
        if problem := (self.sections.problem() or self.genes.problem() or self.encoders.problem()):
            return problem
        if not name or name != safe_name(name):
            return "Name the run with letters, digits, dots, dashes and underscores."
        if (folder / name).exists():
            return f"There is a run '{name}' already; choose another name."
        if self._busy:
            return f"'{self._busy}' is training; pause or stop it first."
        return ""

    def _take_sections(self) -> None:
        sources = self.sections.sources
        self.options.list_sections(sources)
        self.genes.take_tables(self.sections.tables(without=self.options.held_out_path))
        if not self._named and sources:
            more = f"-and-{len(sources) - 1}-more" if len(sources) > 1 else ""
            name = safe_name(f"{sources[0].name}{more}-{date.today().isoformat()}")
            self.name.setText(free_path(Path(self.folder.text()) / name).name)
        self._check()

    def _name(self) -> None:
        self._named = bool(self.name.text())

    def _check(self) -> None:
        self.sections.need_scale(self.options.physical)
        problem = self.problem()
        self.reason.setText(problem or self._summary())
        self.start_button.setEnabled(not problem)

    def _summary(self) -> str:
        plan = self.plan()
        many = f"{len(plan.sections)} section{'s' if len(plan.sections) > 1 else ''}"
        out = ", ".join(source.name for source in plan.held_out)
        if plan.held_out_share:
            out = f"{plan.held_out_share:.0%} of each"
        return f"Ready: trains on {many}; held out: {out or 'nothing, so it cannot be judged'}."

    def _start(self) -> None:
        folder = self.folder.text()
        others = (other for other in remembered("runs_folders", []) if Path(other).is_dir())
        remember(
            runs_folder=folder,
            runs_folders=list(dict.fromkeys([folder, *others])),
            panel_size=self.genes.number.value(),
        )
        self.start.emit(Path(folder) / self.name.text(), self.plan())

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of runs", self.folder.text())
        if path:
            self.folder.setText(path)


def _scrolled(panel: Panel) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(panel.minimumSizeHint().width())
    return area
