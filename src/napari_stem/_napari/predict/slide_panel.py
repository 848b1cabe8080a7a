"""The first step of the Predict dock: the slide and its scale."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QSizePolicy
from superqt.utils import signals_blocked

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.layer_source import LayerSource
from napari_stem._napari.files import opening
from napari_stem._napari.keeping.discarding import discard
from napari_stem._napari.predict import tasks
from napari_stem._napari.predict.adopt_layer import adopt
from napari_stem._napari.shell.dialogs import ask_file, is_wanted
from napari_stem._napari.shell.panel import SLIDE_FILES, Panel, button, menu_button
from napari_stem._napari.shell.scale import scale_refusal
from napari_stem.errors import Remedy, SlideError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.errors import Hint
    from napari_stem.slides.slide import Slide

_UNKNOWN = "unknown"
_CLOSE, _SCALE, _PICTURE = "Close slide", "Change the scale", "Change the picture"
# Distance between the centres of neighbouring spots, by array.
_PITCHES_UM = {"Visium (100 µm)": 100.0, "Spatial Transcriptomics (200 µm)": 200.0}


class SlidePanel(Panel):
    """Open a slide or use a layer as one; shows its scale, which the user can correct."""

    heading = "1  Slide"
    foldable = True

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._viewer = ref(viewer)
        self._locked = False
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.box = QComboBox()
        self.box.setToolTip("The slide to show. Every open slide keeps its spots and its result.")
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.close_button = button("Close", "Close this slide, its spots and its results.")
        self.close_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.open_button = button(
            "Open…", "Open a slide: a whole-slide image of a scanner, a TIFF, JPEG or PNG."
        )
        self.layer_button = menu_button(
            "From layer", "Use an RGB image that is open in napari as the slide."
        )
        self.add_row(self.open_button, self.layer_button)
        self.picture_box = QComboBox()
        self.picture_box.setToolTip(
            "The picture in the slide's file that is the slide. Another one is opened in place of "
            "this one, whose spots and result are discarded."
        )
        self.picture_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.add_row(self.box, self.close_button)
        self.add_row(self.picture_box)
        self.add_row(self.note)
        self.mpp = QDoubleSpinBox()
        self.mpp.setRange(0, 1_000_000)  # what is too much is refused with a reason
        self.mpp.setDecimals(4)
        self.mpp.setSingleStep(0.01)
        self.mpp.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)  # a scale is typed
        self.mpp.setSuffix(" µm/px")
        self.mpp.setSpecialValueText(_UNKNOWN)
        self.mpp.setKeyboardTracking(False)
        self.mpp.setToolTip(
            "Scale: width of a full-resolution pixel in µm. It is about 0.5 for 20x scans and "
            "0.25 for 40x scans."
        )
        self.pitch_button = menu_button(
            "Estimate from spot spacing",
            "Estimate the scale from the spots: their distance in pixels, and the known pitch of "
            "the array in µm.",
        )
        for name, pitch in _PITCHES_UM.items():
            self.pitch_button.menu().addAction(name, lambda um=pitch: self.scale_by_pitch(um))
        self.add_row(self.mpp, label="Scale")
        self.add_row(self.pitch_button)

    def _connect(self) -> None:
        self.box.activated.connect(self._choose)
        self.picture_box.activated.connect(self._take_picture)
        self.close_button.clicked.connect(self._close)
        self.open_button.clicked.connect(self._ask)
        self.layer_button.menu().aboutToShow.connect(self._list_layers)
        self.mpp.valueChanged.connect(self._rescale)
        self.follow("slides", "slide", "spots")

    def summary(self) -> str:
        slide = self.workspace.slide
        scale = f", {slide.mpp:.4g} µm/px" if slide is not None and slide.mpp else ""
        return f"{self.workspace.name_of(slide)}{scale}" if slide is not None else ""

    def open(self, path: Path) -> None:
        """Open the file of a slide."""
        self._open(path, self.workspace.take_slide)

    def take_layer(self, layer: Image) -> None:
        """Use an image layer as the slide; the layer stays."""
        slide = layers.slide_among(self.workspace.slides, layer)
        if slide is not None:
            self.workspace.show_slide(slide)
            return
        task = opening.slide_of_layer(LayerSource.of(layer))
        self.run(task, f"Reading {layer.name}…", partial(adopt, self.workspace, layer))

    def scale_by_pitch(self, pitch_um: float) -> None:
        """Estimate the scale from the spots and their pitch in µm."""
        slide, spots = self.workspace.slide, self.workspace.spots
        if slide is not None and spots is not None:
            task = tasks.scale_by_pitch(slide, spots, pitch_um)
            say = "Measuring the spot spacing…"
            self._discard(slide, _SCALE, partial(self.run, task, say, self.workspace.rescale))

    def lock(self, locked: bool) -> None:
        """Disable or enable the scale and the picture while a prediction uses them."""
        self._locked = locked
        self.refresh()

    def _choose(self, row: int) -> None:
        self.workspace.show_slide(self.workspace.slides[row])

    def _take_picture(self, number: int) -> None:
        slide = self.workspace.slide
        if slide is None or slide.path is None or number == slide.picture:
            return
        self._list_pictures()
        take = partial(self._open, slide.path, partial(self._replace, slide), picture=number)
        self._discard(slide, _PICTURE, take)

    def _open(self, path: Path, then: Callable[[Slide], object], **asked: Any) -> None:
        task = opening.open_slide(path, **asked)
        self.run(task, f"Opening {path.name}…", partial(self._opened, path, then, asked))

    def _opened(
        self, path: Path, then: Callable[[Slide], object], asked: Any, found: Slide | SlideError
    ) -> None:
        if not isinstance(found, SlideError):
            then(found)
        elif found.hint is not None:
            question, further = _overruled(found.hint)
            if is_wanted(self, "Open a slide", f"{found} {question}"):
                self._open(path, then, **asked | further)

    def _replace(self, former: Slide, slide: Slide) -> None:
        self.workspace.take_slide(slide)
        self.workspace.close_slide(former)

    def _close(self) -> None:
        slide = self.workspace.slide
        if slide is not None:
            self._discard(slide, _CLOSE, partial(self.workspace.close_slide, slide))

    def _ask(self) -> None:
        if path := ask_file(self, self.workspace, "Open a slide", "slide", SLIDE_FILES):
            self.open(path)

    def _list_layers(self) -> None:
        menu, viewer = self.layer_button.menu(), self._viewer()
        menu.clear()
        for layer in filter(layers.is_picture, viewer.layers if viewer else ()):
            menu.addAction(layer.name, lambda chosen=layer: self.take_layer(chosen))
        if menu.isEmpty():
            menu.addAction("No RGB image is open").setEnabled(False)

    def _rescale(self, mpp: float) -> None:
        slide = self.workspace.slide
        self.refresh()
        if refusal := scale_refusal(mpp):
            self.note.setText(f"{refusal}\n{self.note.text()}")
        elif slide is not None and mpp and mpp != slide.mpp:
            rescaled = slide.with_mpp(mpp)
            self._discard(slide, _SCALE, partial(self.workspace.rescale, rescaled))

    def _discard(self, slide: Slide, title: str, then: Callable[[], object]) -> None:
        """Do what discards the work on a slide, unless the user wants to keep it."""
        lost = self.workspace.unsaved_work(slide)
        if title == _SCALE:
            lost = lost._replace(regions=())  # they lie on pixels
        discard(self, self.workspace, lost, title, then)

    def refresh(self) -> None:
        slide = self.workspace.slide
        self._list_slides()
        self._list_pictures()
        self.close_button.setEnabled(slide is not None)
        self.mpp.setEnabled(slide is not None and not self._locked)
        with signals_blocked(self.mpp):
            self.mpp.setValue((slide and slide.mpp) or 0)
        self.pitch_button.setEnabled(self.workspace.spots is not None and not self._locked)
        if slide is None:
            self.note.setText("No slide is open.")
        else:
            size = f"{slide.width:,} x {slide.height:,} pixels"
            self.note.setText("\n".join((size, *slide.notes, *_asked_scale(slide))))

    def _list_slides(self) -> None:
        open_slides, shown = self.workspace.slides, self.workspace.slide
        with signals_blocked(self.box):
            self.box.clear()
            for row, slide in enumerate(open_slides):
                self.box.addItem(self.workspace.name_of(slide))
                tip = str(slide.path or "in memory")
                self.box.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
            rows = [row for row, slide in enumerate(open_slides) if slide is shown]
            self.box.setCurrentIndex(rows[0] if rows else -1)
        self.box.setEnabled(bool(open_slides))

    def _list_pictures(self) -> None:
        slide = self.workspace.slide
        names = slide.pictures if slide is not None else ()
        with signals_blocked(self.picture_box):
            self.picture_box.clear()
            self.picture_box.addItems([f"Picture {i}: {name}" for i, name in enumerate(names)])
            self.picture_box.setCurrentIndex(slide.picture if slide is not None and names else -1)
        self.picture_box.setVisible(len(names) > 1)
        self.picture_box.setEnabled(not self._locked)


def _overruled(hint: Hint) -> tuple[str, dict[str, Any]]:
    """The question whether to open a refused slide, and how it is opened then."""
    if hint.remedy is Remedy.PICTURE:
        return f"Open picture {hint.value} instead?", {"picture": hint.value}
    return "Open it with these regions empty?", {"sparse": True}


def _asked_scale(slide: Slide) -> tuple[str, ...]:
    if slide.mpp is not None:
        return ()
    why = "" if slide.mpp_source == "none" else f" ({slide.mpp_source})"
    return (f"Scale unknown{why}. Type it below.",)
