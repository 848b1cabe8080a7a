"""What a file is by its content, and how it is opened; others than ours are left alone.

It is found out in a thread: finding out imports libraries, and reads from disks that may be slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from napari.utils.notifications import show_info, show_warning

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files import opening
from napari_stem._napari.shell.choices import choose_checkpoint
from napari_stem._napari.shell.hints import in_words
from napari_stem._napari.shell.imports import importing
from napari_stem._napari.shell.remembered import symbols
from napari_stem.errors import SlideError, SlideNotFound, SpotsNotFound
from napari_stem.events import Progress
from napari_stem.slides.suffixes import SCANNED, SLIDES

if TYPE_CHECKING:
    from pathlib import Path

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.result import Result
    from napari_stem.events import Events
    from napari_stem.sections.section import Section
    from napari_stem.slides.slide import Slide

_LONGEST_HEADER = 1 << 20  # characters
_RECIPE = "napari_stem.recipe"  # key in the header of a checkpoint


@dataclass(frozen=True, slots=True)
class Opening:
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


def opening_of(path: Path) -> Opening | None:
    """How a file or a folder is opened; None if this plugin does not read it."""
    match path.suffix.lower():
        case ".zarr" if path.is_dir():
            with importing:
                from napari_stem.io.spatialdata import is_predicted_spatialdata

            if is_predicted_spatialdata(path):
                return Opening(partial(_read_prediction, path), _take_prediction)
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
                return Opening(partial(_read_prediction, path), _take_prediction)
            return _section(path) if is_hest(path) else None
        case ".safetensors":
            if not _is_checkpoint(path):
                return None
            return Opening(lambda _: opening.describe_checkpoint(path), _take_checkpoint)
        case ".csv" | ".tsv" if not _has_coordinates(path):
            return None
        case ".csv" | ".tsv":
            return Opening(partial(_read_spots, path), _take_section)
        case ".geojson":
            return _heatmaps(path) or Opening(partial(_read_spots, path), _take_section)
        case _:
            return None


def _choose_folder(path: Path) -> Opening | None:
    with importing:
        from napari_stem.io import is_spot_source

    if is_spot_source(path):
        return _section(path)
    return _if_rgb(path)


def _heatmaps(path: Path) -> Opening | None:
    """Read an export as heatmaps again; other images and tables are none."""
    with importing:
        from napari_stem.exports.heatmaps import is_heatmaps

    return Opening(partial(_read_heatmaps, path), _take_prediction) if is_heatmaps(path) else None


def _if_rgb(path: Path) -> Opening | None:
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
    return Opening(lambda _: opening.read_overview(slide), _take_slide)


def _section(path: Path) -> Opening:
    return Opening(partial(_read_section, path), _take_section)


def _take_slide(viewer: Any, slide: Slide) -> None:
    workspace_of(viewer).take_slide(slide)


class _Prediction(NamedTuple):
    """A prediction as it is shown, the name of its file, and what the user must know of it."""

    result: Result
    name: str
    warning: str = ""


def _read_prediction(path: Path, _: Slide | None) -> Events[_Prediction]:
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem._napari.state.result import Result
        from napari_stem.io.h5ad import read_h5ad
        from napari_stem.io.preview import PreviewSlide, slide_of
        from napari_stem.io.spatialdata import read_predicted_spatialdata

    prediction = read_predicted_spatialdata(path) if path.is_dir() else read_h5ad(path)
    slide = slide_of(prediction, path.parent)
    lost = (
        f"The slide of {path.name} was not found, so its thumbnail is shown. Open the slide to see "
        "it in full resolution."
    )
    warning = lost if isinstance(slide, PreviewSlide) else ""
    return _Prediction(Result.of_prediction(slide, prediction), path.stem, warning)


def _read_heatmaps(path: Path, shown: Slide | None) -> Events[_Prediction]:
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem._napari.state.result import Result
        from napari_stem.exports.heatmaps import read_heatmaps
        from napari_stem.io.preview import slide_without_picture

    prediction = read_heatmaps(path)
    slide = slide_without_picture(prediction, path.parent, shown)
    return _Prediction(Result.of_prediction(slide, prediction), path.stem)


def _take_prediction(viewer: Any, read: _Prediction) -> None:
    from napari_stem._napari.files.launch import show_result  # imported with the prediction

    show_result(viewer, read.result, name=read.name)
    stated, shown = read.result.slide, workspace_of(viewer).slide
    for text in (read.warning, _other_scale(stated, shown, read.name)):
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
