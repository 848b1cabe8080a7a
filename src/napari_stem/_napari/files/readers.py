"""Opens slides, predictions, spots and checkpoints, also for File > Open and dropped files.

napari asks which plugin shall read a file or folder that several claim. The manifest therefore
claims only formats of scanners and of this plugin; all others are opened from its docks or by
File > IO Utilities.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import ref

from napari import current_viewer
from napari.components import ViewerModel
from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QApplication

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files import opening
from napari_stem._napari.shell.choices import choose_checkpoint
from napari_stem._napari.shell.hints import in_words
from napari_stem._napari.shell.imports import importing
from napari_stem._napari.shell.remembered import symbols
from napari_stem._napari.shell.worker import start
from napari_stem.errors import SlideError, SlideNotFound, SpotsNotFound
from napari_stem.events import Progress, finish
from napari_stem.slides.suffixes import SCANNED, SLIDES

if TYPE_CHECKING:
    from anndata import AnnData
    from napari.types import LayerData
    from napari.viewer import Viewer

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem.events import Events
    from napari_stem.sections.section import Section
    from napari_stem.slides.slide import Slide

Reader: TypeAlias = "Callable[[str], list[LayerData]]"

_LONGEST_HEADER = 1 << 20  # characters
_RECIPE = "napari_stem.recipe"  # key in the header of a checkpoint


@dataclass(frozen=True, slots=True)
class _Opening:
    """How a file is opened.

    Attributes
    ----------
    events
        Reads the file, given the slide that is shown; runs in a thread if there is a window.
    take
        Puts the result into a viewer's workspace, in the main thread.
    """

    events: Callable[[Slide | None], Events[Any]]
    take: Callable[[Any, Any], None]


def get_reader(path: str | list[str]) -> Reader | None:
    """The reader of a file or a folder; None if this plugin does not read it.

    In a window, the reader starts a thread and returns at once; the workspace and the canvas take
    the result when it is there, and errors become notifications. Without a window, the reader
    returns the layers.
    """
    if isinstance(path, list):
        return None  # a stack
    opening = _choose(Path(path))
    return None if opening is None else lambda _: _layers(opening)


def open_in(viewer: Viewer, path: Path) -> None:
    """Open a file or a folder in a viewer, whoever claims it; a thread reads it."""
    opening = _choose(path)
    if opening is None:
        show_warning(
            f"Stem cannot open {path.name}. It opens RGB slides, predictions and their exports, "
            "spots with coordinates, and checkpoints."
        )
        return
    _start(viewer, opening)


def _choose(path: Path) -> _Opening | None:
    match path.suffix.lower():
        case ".zarr" if path.is_dir():
            with importing:
                from napari_stem.io.spatialdata import is_predicted_spatialdata

            if is_predicted_spatialdata(path):
                return _Opening(partial(_read_prediction, path), _take_prediction)
            return _choose_folder(path)
        case _ if path.is_dir():
            return _choose_folder(path)
        case suffix if suffix in SLIDES or path.name.lower().endswith(".zarr.zip"):
            return _heatmaps(path) or _if_rgb(path)
        case ".h5ad":
            with importing:
                from napari_stem.io.h5ad import is_prediction
                from napari_stem.io.hest import is_hest

            if is_prediction(path):
                return _Opening(partial(_read_prediction, path), _take_prediction)
            return _section(path) if is_hest(path) else None
        case ".safetensors":
            if not _is_checkpoint(path):
                return None
            return _Opening(lambda _: opening.describe_checkpoint(path), _take_checkpoint)
        case ".csv" | ".tsv" if not _has_coordinates(path):
            return None
        case ".csv" | ".tsv":
            return _Opening(partial(_read_spots, path), _take_section)
        case ".geojson":
            return _heatmaps(path) or _Opening(partial(_read_spots, path), _take_section)
        case _:
            return None


def _choose_folder(path: Path) -> _Opening | None:
    with importing:
        from napari_stem.io import is_spot_source

    if is_spot_source(path):
        return _section(path)
    return _if_rgb(path)


def _heatmaps(path: Path) -> _Opening | None:
    """Read an export as heatmaps again; other images and tables are none."""
    with importing:
        from napari_stem.exports.heatmaps import is_heatmaps

    return _Opening(partial(_read_heatmaps, path), _take_prediction) if is_heatmaps(path) else None


def _if_rgb(path: Path) -> _Opening | None:
    """Read an image as a slide if it is RGB; what is none is left to other readers.

    Only of a scanner's file the reason is told: nobody else may read it.
    """
    with importing:
        from napari_stem.slides.slide import open_slide

    try:
        slide = open_slide(path)
    except SlideError as error:
        if path.suffix.lower() in SCANNED:
            show_warning(in_words(error))
        return None
    return _Opening(lambda _: opening.read_overview(slide), _take_slide)


def _section(path: Path) -> _Opening:
    return _Opening(partial(_read_section, path), _take_section)


def _layers(opening: _Opening) -> list[LayerData]:
    if (viewer := current_viewer()) is not None:
        _start(viewer, opening)
        return [(None,)]  # tells napari that the file was read and there is no layer to add
    model = ViewerModel()
    opening.take(model, finish(opening.events(None)))
    return [layer.as_layer_data_tuple() for layer in model.layers]


def _start(viewer: Viewer, opening: _Opening) -> None:
    job = start(opening.events(workspace_of(viewer).slide), QApplication.instance())
    job.result.connect(partial(_take_if_there, ref(viewer), opening.take))


def _take_if_there(viewer_ref: ref[Any], take: Callable[[Any, Any], None], found: Any) -> None:
    if (viewer := viewer_ref()) is not None:
        take(viewer, found)


def _take_slide(viewer: Any, slide: Slide) -> None:
    workspace_of(viewer).take_slide(slide)


def _read_prediction(path: Path, _: Slide | None) -> Events[tuple[Slide, AnnData, str, str]]:
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem.io.h5ad import read_h5ad
        from napari_stem.io.preview import PreviewSlide, slide_of
        from napari_stem.io.spatialdata import read_predicted_spatialdata

    prediction = read_predicted_spatialdata(path) if path.is_dir() else read_h5ad(path)
    slide = slide_of(prediction, path.parent)
    lost = (
        f"The slide of {path.name} was not found, so its thumbnail is shown. Open the slide to see "
        "it in full resolution."
    )
    return slide, prediction, path.stem, lost if isinstance(slide, PreviewSlide) else ""


def _read_heatmaps(path: Path, shown: Slide | None) -> Events[tuple[Slide, AnnData, str, str]]:
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem.exports.heatmaps import read_heatmaps
        from napari_stem.io.preview import slide_without_picture

    prediction = read_heatmaps(path)
    return slide_without_picture(prediction, path.parent, shown), prediction, path.stem, ""


def _take_prediction(viewer: Any, found: tuple[Slide, AnnData, str, str]) -> None:
    from napari_stem._napari.files.launch import fill

    slide, prediction, name, warning = found
    fill(viewer, slide, prediction, name=name)
    for text in (warning, _other_scale(slide, workspace_of(viewer).slide, name)):
        if text:
            show_warning(text)


def _other_scale(stated: Slide, shown: Slide | None, name: str) -> str:
    """Which scale counts, if that of an opened prediction is not that of its open slide."""
    if shown is None or stated.mpp in (None, shown.mpp):
        return ""
    counts = f"{shown.mpp:g} µm/px" if shown.mpp else "unknown"
    return (
        f"{name} was predicted at {stated.mpp:g} µm/px, but the scale of its open slide "
        f"{shown.name} is {counts}. The scale of the open slide counts. To use the other one, "
        "close the slide and open the prediction again."
    )


def _read_section(path: Path, shown: Slide | None) -> Events[Section]:
    """Read spots with their slide; spots without one belong to the slide that is shown."""
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem.sections.section import open_section

    try:
        section = open_section(path, symbols=symbols())
    except SlideNotFound:
        if shown is None:
            raise
        return (yield from _read_spots(path, shown))
    yield from section.slide.iter_overview()
    return section


def _read_spots(path: Path, shown: Slide | None) -> Events[Section]:
    """Read spots of the slide that is shown; they may state its scale."""
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem.sections.section import section_on

    if shown is None:
        raise SpotsNotFound(f"No slide is open for the spots in '{path}'. Open the slide first.")
    return section_on(shown, path, symbols=symbols())


def _take_section(viewer: Any, section: Section) -> None:
    workspace = workspace_of(viewer)
    workspace.take_slide(section.slide)
    workspace.take_spots(section.slide, section.spots)


def _take_checkpoint(viewer: Any, checkpoint: ChosenCheckpoint) -> None:
    choose_checkpoint(workspace_of(viewer), checkpoint)
    name = checkpoint.path.stem
    show_info(f"Checkpoint {name} is chosen. Use it in Plugins > Stem > Predict.")


def _has_coordinates(path: Path) -> bool:
    """Whether a table has the columns x and y; other tables are left to other readers."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            columns = re.split(r"[,;\s]+", file.readline(_LONGEST_HEADER).lower().replace('"', ""))
    except (OSError, UnicodeDecodeError):
        return False
    return {"x", "y"} <= set(columns)


def _is_checkpoint(path: Path) -> bool:
    with importing:
        from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return _RECIPE in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False
