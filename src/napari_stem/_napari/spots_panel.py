"""The second step: where to predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFileDialog

from napari_stem._napari import tasks
from napari_stem._napari.memory import remember, remembered
from napari_stem._napari.panel import Panel, button

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.workspace import Workspace

_FILES = "Spot tables (*.h5ad *.csv *.tsv);;All files (*)"
_LAYOUTS: dict[str, Literal["hex", "square"]] = {"hexagonal": "hex", "square": "square"}


class SpotsPanel(Panel):
    """Load spots or lay a grid over the tissue; a preview shows them."""

    heading = "2  Spots"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.pitch = _micrometres("pitch ", remembered("pitch_um", 100.0))
        self.pitch.setToolTip("Distance of neighbouring spots in µm; 100 is Visium's.")
        self.diameter = _micrometres("Ø ", remembered("diameter_um", 55.0))
        self.diameter.setToolTip("Diameter of a spot in µm; 55 is Visium's.")
        self.layout_box = QComboBox()
        self.layout_box.addItems(list(_LAYOUTS))
        self.layout_box.setToolTip("Hexagonal shifts every second row by half a pitch.")
        self.grid_button = button(
            "Grid over tissue", "Lay a regular grid over detected tissue; needs the scale."
        )
        self.file_button = button("Load file…", "Load spots: .h5ad, or .csv of coordinates.")
        self.folder_button = button(
            "Load folder…", "Load the folder of a Spatial Transcriptomics array."
        )
        self.add_row(self.pitch, self.diameter)
        self.add_row(self.layout_box, self.grid_button)
        self.add_row(self.file_button, self.folder_button)
        self.add_row(self.note)

    def _connect(self) -> None:
        self.grid_button.clicked.connect(self.make_grid)
        self.file_button.clicked.connect(self._ask_file)
        self.folder_button.clicked.connect(self._ask_folder)
        self.workspace.events.slide.connect(self.refresh)
        self.workspace.events.spots.connect(self.refresh)

    def make_grid(self) -> None:
        """Lay a grid over the tissue of the slide."""
        pitch, diameter = self.pitch.value(), self.diameter.value()
        remember(pitch_um=pitch, diameter_um=diameter)
        layout = _LAYOUTS[self.layout_box.currentText()]
        slide = self.workspace.slide
        assert slide is not None  # the panel is disabled without
        task = tasks.make_grid(slide, pitch_um=pitch, diameter_um=diameter, layout=layout)
        self.run(task, "Looking for tissue…", self._take)

    def load(self, path: Path) -> None:
        """Load spots of the slide."""
        slide = self.workspace.slide
        assert slide is not None  # as above
        remember(spots_folder=str(path.parent))
        task = tasks.read_spots(path, slide)
        self.run(task, f"Reading {path.name}…", self._take)

    def _ask_file(self) -> None:
        folder = remembered("spots_folder", "")
        path, _ = QFileDialog.getOpenFileName(self, "Load spots", folder, _FILES)
        if path:
            self.load(Path(path))

    def _ask_folder(self) -> None:
        folder = remembered("spots_folder", "")
        path = QFileDialog.getExistingDirectory(self, "Load spots", folder)
        if path:
            self.load(Path(path))

    def _take(self, spots: AnnData) -> None:
        self.workspace.spots = spots

    def refresh(self) -> None:
        slide, spots = self.workspace.slide, self.workspace.spots
        self.setEnabled(slide is not None)
        self.grid_button.setEnabled(slide is not None and slide.mpp is not None)
        if slide is None or spots is None:
            self.note.setText("No spots yet.")
        else:
            self.note.setText(tasks.describe_spots(spots, slide))


def _micrometres(prefix: str, value: float) -> QDoubleSpinBox:
    made = QDoubleSpinBox()
    made.setRange(1, 10_000)
    made.setDecimals(0)
    made.setPrefix(prefix)
    made.setSuffix(" µm")
    made.setValue(value)
    return made
