"""The second step of the Predict dock: the spots to predict at."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox

from napari_stem._napari.canvas.drawn_region import Tool, draw_region, end_drawing, selected_region
from napari_stem._napari.files import opening
from napari_stem._napari.predict import tasks
from napari_stem._napari.predict.beside_button import BesideButton
from napari_stem._napari.predict.bin_choice import BinChoice
from napari_stem._napari.shell.choices import choose_grid
from napari_stem._napari.shell.dialogs import ask_file, ask_folder
from napari_stem._napari.shell.newest import Newest
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel, button, menu_button
from napari_stem._napari.state.grid_choice import LAYOUTS, GridChoice
from napari_stem.errors import OptionError
from napari_stem.options import options_of
from napari_stem.sections.opening import Opening
from napari_stem.text import counted

if TYPE_CHECKING:
    from anndata import AnnData
    from napari.viewer import Viewer

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.slides.slide import Slide

_FILES = "Spots and annotations (*.h5ad *.csv *.tsv *.geojson);;All files (*)"
_TOOL = "region"
_TOOLS: dict[str, Tool] = {"Lasso": "add_polygon_lasso", "Rectangle": "add_rectangle"}


class SpotsPanel(Panel):
    """Load spots or make a grid, and restrict them to a drawn region; the canvas shows them."""

    heading = "2  Spots"
    foldable = True

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._viewer = ref(viewer)
        self._locked = False
        self._described: tuple[AnnData, Slide, str] | None = None
        self._describing = Newest(self)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        last = self.workspace.grid
        self.pitch = _micrometres("pitch ", last.pitch_um)
        self.pitch.setToolTip(
            "Distance between the centres of neighbouring spots in µm (default that of the "
            "checkpoint, or 100, as in Visium). A smaller pitch gives more spots and takes longer."
        )
        self.diameter = _micrometres("Ø ", last.diameter_um)
        self.diameter.setToolTip("Diameter of a spot in µm (default as the pitch, or 55).")
        self.layout_box = QComboBox()
        self.layout_box.addItems(list(LAYOUTS))
        self.layout_box.setCurrentText(last.grid_layout)
        self.layout_box.setToolTip(
            "Layout of the grid (default hexagonal). Hexagonal shifts every second row by half a "
            "pitch, as in Visium."
        )
        self.grid_button = button(
            "Grid over tissue",
            "Place a regular grid of spots on the detected tissue. The slide needs a scale.",
        )
        self.file_button = button(
            "Load file…",
            "Load spots from a file: AnnData (.h5ad), a table of coordinates (.csv, .tsv), or "
            "QuPath annotations (.geojson), which are filled with a grid of the pitch above.",
        )
        self.folder_button = button(
            "Load folder…",
            "Load spots from a folder of Space Ranger (Visium, Visium HD), Xenium, SpatialData, "
            "HEST or Spatial Transcriptomics.",
        )
        self.draw_button = menu_button(
            "Draw region", "Draw one or more regions on the slide, with a lasso or as rectangles."
        )
        for name, tool in _TOOLS.items():
            self.draw_button.menu().addAction(name, lambda tool=tool: self.draw(tool))
        self.region_grid_button = button(
            "Grid in region",
            "Place a grid of spots in the drawn region, also where no tissue was detected.",
        )
        self.inside_button = button(
            "Keep spots in region",
            "Keep only the spots whose centre lies in the drawn region. All spots restores the "
            "others.",
        )
        self.all_button = button("All spots", "Restore the spots outside the region.")
        self.beside = BesideButton(self.workspace)
        self.add_row(self.beside)
        self.add_row(self.pitch, self.diameter)
        self.add_row(self.layout_box, self.grid_button)
        trust = options_of(Opening)["trust_positions"]
        self.trust_box = QCheckBox(trust.label)
        self.trust_box.setToolTip(trust.help)
        self.bins = BinChoice()
        self.add_row(self.file_button, self.folder_button)
        self.add_row(self.trust_box, self.bins)
        self.add_row(self.draw_button, self.region_grid_button)
        self.add_row(self.inside_button, self.all_button)
        self.add_row(self.note)

    def _connect(self) -> None:
        self.beside.wanted.connect(self.load)
        self.grid_button.clicked.connect(self.make_grid)
        self.file_button.clicked.connect(self._ask_file)
        self.folder_button.clicked.connect(self._ask_folder)
        self.region_grid_button.clicked.connect(self.make_grid_in_region)
        self.inside_button.clicked.connect(self.restrict)
        self.all_button.clicked.connect(self.take_all)
        self.bins.chosen.connect(self.load)
        self.follow("slide", "spots")
        listen(self, self.workspace.events.tool, self._obey_tool)
        listen(self, self.workspace.events.grid, self._follow_grid)

    def summary(self) -> str:
        spots = self.workspace.spots
        return "" if spots is None else f"{spots.n_obs:,}"

    def make_grid(self) -> None:
        """Make a grid over the tissue of the slide."""
        self._make_grid([], "Detecting tissue…")

    def make_grid_in_region(self) -> None:
        """Make a grid in the drawn region."""
        if region := self._region():
            self._make_grid(region, "Making the grid…")

    def load(self, path: Path, bin_um: int | None = None) -> None:
        """Load spots of the slide; `bin_um` chooses among the bin sizes of Visium HD."""
        task = opening.read_spots(
            path,
            self._slide(),
            pitch_um=self.pitch.value(),
            diameter_um=self.diameter.value(),
            bin_um=bin_um,
            trust=self.trust_box.isChecked(),
        )
        self.run(task, f"Reading {path.name}…", self.workspace.take_section)

    def lock(self, locked: bool) -> None:
        """Disable or enable the panel while its spots are predicted."""
        self._locked = locked
        self.refresh()

    def draw(self, tool: Tool) -> None:
        """Let the user draw a region on the slide."""
        self.workspace.end_comparison()  # one more layer would shift its cells
        self.workspace.tool = _TOOL
        if viewer := self._viewer():
            draw_region(viewer, self._slide(), tool)

    def restrict(self) -> None:
        """Keep only the spots in the drawn region."""
        slide, spots = self._slide(), self.workspace.all_spots
        assert spots is not None  # otherwise the button is disabled
        if region := self._region():
            task = tasks.spots_in_region(spots, slide, region)
            take = partial(self.workspace.take_spots, slide, whole=spots)
            self.run(task, "Selecting spots…", take)

    def take_all(self) -> None:
        """Restore the spots outside the region."""
        self.workspace.take_all_spots()

    def _follow_grid(self, choice: GridChoice) -> None:
        """Offer the grid of a checkpoint, or of another dock."""
        self.pitch.setValue(choice.pitch_um)
        self.diameter.setValue(choice.diameter_um)
        self.layout_box.setCurrentText(choice.grid_layout)

    def _obey_tool(self, tool: str) -> None:
        """Stop drawing when another mouse tool is chosen."""
        viewer, slide = self._viewer(), self.workspace.slide
        if tool not in ("", _TOOL) and viewer and slide:
            end_drawing(viewer, slide)

    def _make_grid(self, region: tasks.Region, say: str) -> None:
        slide = self._slide()
        choice = GridChoice(
            self.pitch.value(), self.diameter.value(), self.layout_box.currentText()
        )
        task = tasks.make_grid(
            slide,
            pitch_um=choice.pitch_um,
            diameter_um=choice.diameter_um,
            layout=choice.layout,
            region=region,
        )
        self.run(task, say, partial(self._take_grid, slide, choice))

    def _take_grid(self, slide: Slide, choice: GridChoice, spots: AnnData) -> None:
        choose_grid(self.workspace, choice)
        self.workspace.take_spots(slide, spots)

    def _region(self) -> tasks.Region:
        """The drawn region; if there is none, a message tells the user how to draw one."""
        viewer, slide = self._viewer(), self._slide()
        region = selected_region(viewer, slide) if viewer else []
        if viewer and region:
            end_drawing(viewer, slide)
        else:
            self.refuse(
                OptionError("No region is drawn. Press Draw region, then draw it on the slide.")
            )
        return region

    def _slide(self) -> Slide:
        slide = self.workspace.slide
        assert slide is not None  # otherwise the panel is disabled
        return slide

    def _ask_file(self) -> None:
        if path := ask_file(self, self.workspace, "Load spots", "spots", _FILES):
            self.load(path)

    def _ask_folder(self) -> None:
        if path := ask_folder(self, self.workspace, "Load spots", "spots"):
            self.load(path)

    def refresh(self) -> None:
        work = self.workspace
        slide, spots, every = work.slide, work.spots, work.all_spots
        has_scale = slide is not None and slide.mpp is not None
        self.setEnabled(slide is not None and not self._locked and not self.is_busy)
        self.grid_button.setEnabled(has_scale)
        self.region_grid_button.setEnabled(has_scale)
        self.inside_button.setEnabled(spots is not None)
        self.all_button.setEnabled(every is not spots)
        self.bins.offer(spots)
        if slide is None or spots is None or every is None:
            self.note.setText("No spots yet.")
            self._described = None  # else a closed slide would stay in memory
            self._describing.drop()
            return
        within = f"\nIn the region, of {counted(every.n_obs, 'spot')}" if every is not spots else ""
        self.note.setText(self._describe(spots, slide) + within)

    def _describe(self, spots: AnnData, slide: Slide) -> str:
        """What is known of the spots; a thread measures them, which takes a while if many."""
        known = self._described
        if known is None or known[0] is not spots or known[1] is not slide:
            known = self._described = spots, slide, counted(spots.n_obs, "spot")
            take = partial(self._take_description, spots, slide)
            self._describing.run(tasks.describe_spots(spots, slide), take)
        return known[2]

    def _take_description(self, spots: AnnData, slide: Slide, text: str) -> None:
        self._described = spots, slide, text
        self.refresh()


def _micrometres(prefix: str, value: float) -> QDoubleSpinBox:
    made = QDoubleSpinBox()
    made.setRange(0, 1_000_000)  # what cannot be is refused with a reason
    made.setDecimals(0)
    made.setPrefix(prefix)
    made.setSuffix(" µm")
    made.setValue(value)
    return made
