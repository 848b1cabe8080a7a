"""The Inspect dock: predicts the patch at a click, or a grid in a rectangle."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.attach import INSPECTING, workspace_of
from napari_stem._napari.canvas.drawn_line import DrawnLine
from napari_stem._napari.canvas.outlines import Outline, Outlines, outlines_of
from napari_stem._napari.inspect import tasks
from napari_stem._napari.inspect.point_panel import PointPanel
from napari_stem._napari.inspect.points_panel import PointsPanel
from napari_stem._napari.inspect.region_run import RegionRun
from napari_stem._napari.mouse.click_tool import ClickTool
from napari_stem._napari.shell.docks import unwrapped
from napari_stem._napari.shell.imports import load_for_predicting
from napari_stem._napari.shell.page import Page, listen
from napari_stem._napari.shell.panel import button, complain
from napari_stem._napari.shell.progress_text import stage_in_words
from napari_stem._napari.shell.shortcuts import INSPECT, LEAVE
from napari_stem._napari.shell.worker import Job, start
from napari_stem.errors import StemError
from napari_stem.events import Progress

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.prediction.inspection import Inspection
    from napari_stem.slides.slide import Slide

    Place = tuple[float, float]

_HOW = (
    "Click on the slide to predict a patch. Shift+drag a rectangle to predict a grid with a pitch "
    "of {pitch:.0f} µm on its tissue. Esc ends."
)
_HOW_REGION = "Drag a rectangle to predict a grid with a pitch of {pitch:.0f} µm on its tissue."


class InspectDock(Page):
    """The button of the mouse tool, the list of inspected points, and the chosen point."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self.workspace = workspace_of(viewer)
        self._loaded: tasks.LoadedCheckpoint | None = None
        self._failure: Exception | None = None  # of the latest point
        self._job: Job | None = None
        self._next: Place | None = None  # clicked while another point is being predicted
        self._pending: Place | None = None  # being predicted: outlined, but not listed yet
        self._build(viewer)
        self._connect()
        self._show_chosen(self.points.current)
        self._offer()
        start(load_for_predicting(), self)

    def _build(self, viewer: Viewer) -> None:
        self.tool = ClickTool(viewer, self)
        self._outlines = Outlines(viewer)
        self._line = DrawnLine(viewer, self.workspace)
        self.tool_button = button(
            "Inspect the slide",
            f"Click on the slide to predict the genes there ({INSPECT.text}; {LEAVE.text} ends). "
            "Draws, seed and device are those of the last prediction.",
        )
        self.region_button = button(
            "Region",
            "Draw a rectangle with the next drag, to predict a grid on its tissue (or Shift+drag). "
            "Its result is listed beside that of the slide.",
        )
        for control in (self.tool_button, self.region_button):
            control.setCheckable(True)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.region = RegionRun(self.workspace)
        self.point = PointPanel(self.workspace)
        self.points = PointsPanel(self.workspace, self.point.shown_genes)
        self.fill(self._tools(), self.hint, self.region, self.points, self.point)

    def _tools(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.tool_button, 1)
        row.addWidget(self.region_button)
        return made

    def _connect(self) -> None:
        self.tool_button.toggled.connect(self.tool.switch)
        self.tool.switched.connect(self.tool_button.setChecked)
        self.tool.switched.connect(self._offer)
        self.tool.switched.connect(self._tell_tool)
        listen(self, self.workspace.events.tool, self._obey_tool)
        self.region_button.toggled.connect(self.tool.take_rectangle)
        self.tool.armed.connect(self.region_button.setChecked)
        self.tool.armed.connect(self._offer)
        self.tool.clicked.connect(self._click)
        self.tool.dragging.connect(self._show_rectangle)
        self.tool.dragged.connect(self._drag)
        self.region.empty.connect(self._tell_no_tissue)
        self.region.failed.connect(partial(complain, self.hint))
        self.points.chosen.connect(self._show_chosen)
        listen(self, self.workspace.run.events.request, self._offer)
        listen(self, self.workspace.events.slide, self._take_slide)
        listen(self, self.workspace.events.checkpoint, self._take_checkpoint)

    def release_mouse(self) -> None:
        """Switch the tool off."""
        self.tool.switch(False)

    def leave(self) -> None:
        """Free the loaded checkpoint."""
        self._forget()
        self._loaded = None
        super().leave()

    def _take_slide(self) -> None:
        self._forget()
        self._show_chosen(self.points.current)
        self._offer()

    def _take_checkpoint(self) -> None:
        self._forget()
        self._loaded = None
        self._show_chosen(self.points.current)
        self._offer()

    def _forget(self) -> None:
        """Stop predicting the pending point."""
        self._next = self._pending = None
        if self._job is not None:
            self._job.stop()

    def _offer(self) -> None:
        """Enable the tool, or show what is missing."""
        missing = self._missing()
        self.tool_button.setEnabled(not missing)
        self.region_button.setEnabled(not missing)
        if missing:
            self.tool.switch(False)
        how = _HOW_REGION if self.tool.is_armed else _HOW if self.tool.is_on else ""
        how = how.format(pitch=self.workspace.grid.pitch_um)
        self.hint.setText(missing or how)
        self.hint.setVisible(bool(self.hint.text()))

    def _missing(self) -> str:
        slide, checkpoint = self.workspace.slide, self.workspace.checkpoint
        if slide is None or checkpoint is None:
            needed = {"a slide": slide, "a checkpoint": checkpoint}
            lacking = " and ".join(name for name, found in needed.items() if found is None)
            return f"Choose {lacking} first (Plugins > Stem > Predict)."
        return checkpoint.lacking(slide)

    def _tell_tool(self, on: bool) -> None:
        if on or self.workspace.tool == INSPECTING:
            self.workspace.tool = INSPECTING if on else ""

    def _obey_tool(self, tool: str) -> None:
        wanted = tool == INSPECTING
        self.tool.switch(wanted and not self._missing())
        if wanted and not self.tool.is_on:
            self.workspace.tool = ""  # the hint tells what is missing

    def _say(self, text: str) -> None:
        self.hint.setText(text)
        self.hint.setVisible(True)

    def _click(self, world: tuple[float, ...]) -> None:
        slide = self.workspace.slide
        assert slide is not None  # otherwise the tool is off
        xy = layers.on_slide(world, slide)
        if not _is_on(slide, xy):
            self._say("You clicked outside the slide. Click on the slide.")
            return
        self.inspect(xy)

    def inspect(self, xy: Place) -> None:
        """Predict a point of the slide, x and y in level-0 pixels; it replaces a pending one."""
        self._offer()
        self._pending = xy
        self._show_outlines()
        if self._job is None:
            self._inspect(xy)
        else:
            self._next = xy
            self._job.stop()

    def _inspect(self, xy: Place) -> None:
        slide, checkpoint = self.workspace.slide, self.workspace.checkpoint
        assert slide is not None  # otherwise the tool is off
        assert checkpoint is not None
        self._loaded = self._loaded or tasks.LoadedCheckpoint(checkpoint)
        work = self.workspace
        diameter = tasks.spot_diameter_px(slide, work.spots, work.grid)
        source = self._loaded.inspect(slide, xy, work.spots, diameter, work.options, work.compute)
        self._failure = None
        self._job = start(source, self)
        self._job.told.connect(self._show)
        self._job.result.connect(partial(self._keep, slide))
        self._job.failed.connect(self._fail)
        self._job.ended.connect(self._rest)

    def _show(self, event: Progress | Inspection) -> None:
        if isinstance(event, Progress):
            self._say(f"{stage_in_words(event)}…")
        elif self._next is None and self._pending is not None:
            self.point.show_point(event)

    def _keep(self, slide: Slide, inspection: Inspection) -> None:
        checkpoint = self._loaded.checkpoint if self._loaded else None
        if self._next is None and self._pending is not None and checkpoint is not None:
            self._pending = None
            self.points.add(slide, checkpoint, inspection)

    def _fail(self, error: Exception) -> None:
        self._failure = error

    def _rest(self) -> None:
        self._job, xy = None, self._next
        self._next = None
        if xy is not None:
            self._inspect(xy)
            return
        if self._pending is not None:  # it failed
            self._pending = None
            self._show_outlines()
        self._offer()
        if self._failure is not None:
            complain(self.hint, self._failure)

    def _show_chosen(self, point: Any) -> None:
        if self._pending is None:
            self.point.show_point(point.inspection if point else None)
        self._show_outlines()

    def _show_outlines(self) -> None:
        slide, checkpoint = self.workspace.slide, self.workspace.checkpoint
        if slide is None or checkpoint is None:
            return
        diameter = tasks.spot_diameter_px(slide, self.workspace.spots, self.workspace.grid)
        try:
            widths = checkpoint.recipe.patch_widths(slide, diameter)
        except StemError:  # the hint explains it
            return
        current = None if self._pending else self.points.current
        shown: list[Outline] = []
        for point in sorted(self.points.points, key=lambda point: point is current):
            xy, chosen = point.inspection.xy, point is current
            shown += outlines_of(xy, widths, str(point.number), chosen=chosen)
        if self._pending is not None:
            shown += outlines_of(self._pending, widths, "", chosen=True)
        if shown:
            self.workspace.end_comparison()  # one more layer would shift its cells
        self._outlines.show(slide, shown)

    def _show_rectangle(self, start: Any, end: Any) -> None:
        slide = self.workspace.slide
        assert slide is not None  # otherwise the tool is off
        if (corners := layers.dragged(start, end, slide)) is None:
            self._line.hide()
        else:
            self._line.show(corners, closed=True)

    def _drag(self, start: Any, end: Any) -> None:
        self._line.hide()
        slide, checkpoint = self.workspace.slide, self.workspace.checkpoint
        assert slide is not None  # otherwise the tool is off
        assert checkpoint is not None
        corners = layers.dragged(start, end, slide)
        if slide.mpp is None:
            self._say("A grid needs the scale of the slide (µm/px). Type it in the Predict dock.")
        elif corners is None:
            self._say("The rectangle is outside the slide. Drag it over the slide.")
        elif self.region.is_running:
            self._say("Another prediction is running. Stop it first.")
        else:
            self.region.start(slide, corners, checkpoint)

    def _tell_no_tissue(self) -> None:
        pitch = self.workspace.grid.pitch_um
        self._say(
            f"No tissue was detected in the rectangle for a grid with a pitch of {pitch:.0f} µm. "
            "Drag over tissue, or choose a smaller pitch in the Predict dock."
        )


def _is_on(slide: Slide, xy: Place) -> bool:
    return 0 <= xy[0] <= slide.width and 0 <= xy[1] <= slide.height
