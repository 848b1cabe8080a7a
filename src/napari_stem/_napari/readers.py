"""What File > Open and dropping a file do: slides, predictions, spots, checkpoints."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari import current_viewer
from napari.components import ViewerModel
from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QApplication

from napari_stem._napari import tasks
from napari_stem._napari.worker import start
from napari_stem._napari.workspace import Workspace
from napari_stem.errors import SlideError, SlideNotFound, SpotsNotFound

if TYPE_CHECKING:
    from napari.types import LayerData

    from napari_stem._napari.workspace import ChosenCheckpoint
    from napari_stem.slide import Slide

    Fill = Callable[[Any], None]  # puts something into a viewer's workspace
    Reader = Callable[[str], list[LayerData]]

_SCANNED = (".svs", ".ndpi", ".scn", ".mrxs", ".bif", ".vms", ".vmu", ".svslide", ".dcm")
_MAYBE_RGB = (".tif", ".tiff", ".czi")
_LONGEST_HEADER = 1 << 20  # characters
_RECIPE = "napari_stem.recipe"  # in a checkpoint's header


def get_reader(path: str | list[str]) -> Reader | None:
    """The reader of a file or a folder; None for what is not ours.

    In a window the workspace takes what is read, and the canvas shows it. Without one, the
    same layers are returned.
    """
    if isinstance(path, list):
        return None  # a stack
    fill = _choose(Path(path))
    return None if fill is None else lambda _: _layers(fill)


def _choose(path: Path) -> Fill | None:
    match path.suffix.lower():
        case ".zarr" if path.is_dir():
            from napari_stem.io.spatialdata import is_predicted_spatialdata

            if is_predicted_spatialdata(path):
                return partial(_fill_prediction, path=path)
            return _if_rgb(path)
        case _ if path.is_dir():
            from napari_stem.io import is_spot_source

            return partial(_fill_section, path=path) if is_spot_source(path) else _if_rgb(path)
        case suffix if suffix in _SCANNED:
            from napari_stem.slide import open_slide

            return partial(_fill_slide, slide=open_slide(path))
        case suffix if suffix in _MAYBE_RGB:
            return _if_rgb(path)
        case ".h5ad":
            from napari_stem.io.h5ad import is_prediction

            return partial(_fill_prediction, path=path) if is_prediction(path) else None
        case ".safetensors":
            return partial(_fill_checkpoint, path=path) if _is_checkpoint(path) else None
        case ".csv" | ".tsv":
            return partial(_fill_spots, path=path) if _has_places(path) else None
        case ".geojson":
            return partial(_fill_spots, path=path)
        case _:
            return None


def _if_rgb(path: Path) -> Fill | None:
    """A picture that may as well be of fluorescence: a slide if it is RGB."""
    from napari_stem.slide import open_slide

    try:
        return partial(_fill_slide, slide=open_slide(path))
    except SlideError:
        return None


def _layers(fill: Fill) -> list[LayerData]:
    if (viewer := current_viewer()) is not None:
        fill(viewer)
        return [(None,)]  # napari's word for "read, and nothing to add"
    model = ViewerModel()
    fill(model)
    return [layer.as_layer_data_tuple() for layer in model.layers]


def _fill_slide(viewer: Any, *, slide: Slide) -> None:
    Workspace.of(viewer).take_slide(slide)


def _fill_prediction(viewer: Any, *, path: Path) -> None:
    from napari_stem._napari.show import fill
    from napari_stem.io.h5ad import read_h5ad
    from napari_stem.io.preview import PreviewSlide, slide_of
    from napari_stem.io.spatialdata import read_spatialdata

    prediction = read_spatialdata(path) if path.is_dir() else read_h5ad(path)
    slide = slide_of(prediction, path.parent)
    fill(viewer, slide, prediction)
    if isinstance(slide, PreviewSlide):
        show_warning(f"The slide of {path.name} was not found; its thumbnail is shown instead.")


def _fill_section(viewer: Any, *, path: Path) -> None:
    """A folder of spots with its image, or spots alone for the slide that is open."""
    from napari_stem.section import open_section

    workspace = Workspace.of(viewer)
    try:
        section = open_section(path)
    except SlideNotFound as error:
        if workspace.slide is None:
            raise SpotsNotFound(f"{error} Or open the slide first, then the spots.") from error
        _fill_spots(viewer, path=path)
    else:
        workspace.take_slide(section.slide)
        workspace.take_spots(section.slide, section.spots)


def _fill_spots(viewer: Any, *, path: Path) -> None:
    """Spots of the slide that is open."""
    from napari_stem.section import read_spots_on

    workspace = Workspace.of(viewer)
    if workspace.slide is None:
        raise SpotsNotFound(f"'{path}' holds spots without a slide. Open the slide first.")
    workspace.take_spots(workspace.slide, read_spots_on(workspace.slide, path))


def _fill_checkpoint(viewer: Any, *, path: Path) -> None:
    """Choose a checkpoint; torch, which reads it, loads in a thread."""
    workspace = Workspace.of(viewer)

    def choose(checkpoint: ChosenCheckpoint) -> None:
        workspace.checkpoint = checkpoint
        show_info(f"Checkpoint {path.stem} is chosen. Predict with it in Plugins > Stem > Predict.")

    job = start(tasks.describe_checkpoint(path), QApplication.instance())
    job.result.connect(choose)
    job.ended.connect(job.deleteLater)


def _has_places(path: Path) -> bool:
    """Whether a table has the columns x and y; other tables are others' to read."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            columns = re.split(r"[,;\s]+", file.readline(_LONGEST_HEADER).lower().replace('"', ""))
    except (OSError, UnicodeDecodeError):
        return False
    return {"x", "y"} <= set(columns)


def _is_checkpoint(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return _RECIPE in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False
