"""The form for a new training run, which is checked as it is filled in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_stem._napari.shell.choices import choose_runs
from napari_stem._napari.shell.dialogs import ask_folder
from napari_stem._napari.shell.page import ignore_wheel
from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.train.encoders import TrainingEncoders
from napari_stem._napari.train.estimate import GeneEstimate
from napari_stem._napari.train.genes import TrainingGenes
from napari_stem._napari.train.options import TrainingOptions
from napari_stem._napari.train.sections import TrainingSections
from napari_stem.storage import runs_dir
from napari_stem.text import counted
from napari_stem.training.plan import TrainPlan
from napari_stem.training.run_folder import free_path, safe_name

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class TrainingSetup(QWidget):
    """Sections, genes, encoders and options, and Start with the reason if it is disabled."""

    start = Signal(object, object)  # the folder and the plan of the run

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._busy = ""
        self._named = False  # by the user
        self._build()
        self._connect()
        self._check()

    def _build(self) -> None:
        workspace = self._workspace
        self.sections = TrainingSections(workspace)
        self.genes = TrainingGenes(workspace)
        self.encoders = TrainingEncoders(workspace)
        self.options = TrainingOptions(workspace)
        self.estimate = GeneEstimate(workspace, self.plan)
        self.name = QLineEdit()
        self.name.setToolTip("Name of the run and of its checkpoint.")
        self.folder = QLineEdit(workspace.last.runs_folder or str(runs_dir()))
        self.folder.setToolTip("Folder for runs. The run gets a folder of its name in it.")
        self.folder_button = button("…", "Choose the folder for runs.")
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.start_button = button("Start", "Start training in the background.")
        columns = QHBoxLayout()
        genes = QVBoxLayout()
        genes.addWidget(_scrolled(self.genes), 1)
        genes.addWidget(self.estimate)
        columns.addLayout(genes, 4)
        for part in (self.encoders, self.options):
            columns.addWidget(_scrolled(part), 5)
        place = QHBoxLayout()
        place.addWidget(QLabel("Run name"))
        place.addWidget(self.name, 2)
        place.addWidget(QLabel("Folder"))
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
        self.options.changed.connect(self._take_tables)
        self.name.textEdited.connect(self._name)
        self.name.textChanged.connect(self._check)
        self.folder.textChanged.connect(self._check)
        self.folder_button.clicked.connect(self._ask_folder)
        self.start_button.clicked.connect(self._start)

    def wait_for(self, running: str) -> None:
        """Disable Start while this run is running; "" enables it."""
        self._busy = running
        self._check()

    def plan(self) -> TrainPlan:
        """The plan of the run as filled in."""
        sources, out = self.sections.sources, self.options.held_out_paths
        return TrainPlan(
            sections=tuple(source for source in sources if source.path not in out),
            held_out=tuple(source for source in sources if source.path in out),
            panel=self.genes.choice(),
            encoders=self.encoders.encoders(),
            weights=self.encoders.weights(),
            **self.options.values(),
        )

    def problem(self) -> str:
        """The first reason why the run cannot start, "" if it can."""
        name, folder = self.name.text(), Path(self.folder.text())
        if problem := self._problem_of_plan():
            return problem
        if not name or name != safe_name(name):
            return "Type a run name of letters, digits, dots, dashes and underscores."
        if (folder / name).exists():
            return f"A run named '{name}' exists already. Choose another name."
        if self._busy:
            return f"Run '{self._busy}' is training. Pause or stop it first."
        return ""

    def _problem_of_plan(self) -> str:
        parts = (self.sections, self.options, self.genes, self.encoders)
        return next(filter(None, (part.problem() for part in parts)), "")

    def _take_sections(self) -> None:
        sources = self.sections.sources
        self.options.list_sections(sources)
        self._take_tables()
        if not self._named and sources:
            more = f"-and-{len(sources) - 1}-more" if len(sources) > 1 else ""
            name = safe_name(f"{sources[0].name}{more}-{date.today().isoformat()}")
            self.name.setText(free_path(Path(self.folder.text()) / name).name)
        self._check()

    def _take_tables(self) -> None:
        """Choose genes anew if other sections are held out."""
        self.genes.take_tables(*self.sections.tables(self.options.held_out_paths))

    def _name(self) -> None:
        self._named = bool(self.name.text())

    def _check(self) -> None:
        self.sections.need_scale(self.options.physical)
        problem = self.problem()
        self.estimate.offer(not self._problem_of_plan())
        self.reason.setText(problem or self._summary())
        self.start_button.setEnabled(not problem)

    def _summary(self) -> str:
        plan = self.plan()
        sections = counted(len(plan.sections), "section")
        out = ", ".join(source.name for source in plan.held_out)
        if plan.held_out_share:
            out = f"{100 * plan.held_out_share:.0f} % of each section"
        out = out or "nothing, so there will be no metrics"
        return f"Ready to train on {sections}. Held out: {out}."

    def _start(self) -> None:
        folder = self.folder.text()
        choose_runs(self._workspace, folder, self.genes.choice().n)
        self.start.emit(Path(folder) / self.name.text(), self.plan())

    def _ask_folder(self) -> None:
        title, here = "Folder for runs", self.folder.text()
        if path := ask_folder(self, self._workspace, title, "runs", default=here):
            self.folder.setText(str(path))


def _scrolled(panel: Panel) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(panel.minimumSizeHint().width())
    return area
