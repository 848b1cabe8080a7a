"""Reads slides, spots and checkpoints in a thread, as generators for `worker.start`.

They import in the thread: torch and scanpy take seconds, but a dock must open at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.shell.choices import chosen_weights
from napari_stem._napari.shell.imports import importing, load_triton_apart
from napari_stem._napari.shell.remembered import symbols
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem.errors import Remedy, SlideError
from napari_stem.events import Events, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from napari_stem._napari.canvas.layer_source import LayerSource
    from napari_stem.sections.section import Section
    from napari_stem.slides.slide import Slide


def open_slide(
    path: Path, *, picture: str | int = "", sparse: bool = False
) -> Events[Slide | SlideError]:
    """Open a slide, or another picture of its file, and read its overview.

    A refusal that the user can still overrule is returned.
    """
    yield Progress(0, 0, "open", path.name)
    with importing:
        from napari_stem.slides.slide import open_slide

    try:
        slide = open_slide(path, picture=picture, sparse=sparse)
    except SlideError as error:
        decided = {Remedy.PICTURE: picture != "", Remedy.SPARSE: sparse}
        if error.hint is None or decided.get(error.hint.remedy, True):
            raise
        return error
    return (yield from read_overview(slide))


def read_overview(slide: Slide) -> Events[Slide]:
    """The slide, after reading its overview, which the canvas shows first."""
    yield from slide.iter_overview()
    return slide


def slide_of_layer(source: LayerSource) -> Events[Slide]:
    """A slide from an image layer: from its file if it has one, otherwise from its pixels.

    Pixels that are not in memory stay where they are and are read by region.
    """
    yield Progress(0, 0, "open", source.name)
    with importing:
        import numpy as np

        from napari_stem.slides.lazy import slide_of_arrays
        from napari_stem.slides.slide import Slide, open_slide

    if source.moved:
        raise SlideError(
            f"'{source.name}' {source.moved}, which a slide cannot be. Open its file as a slide, "
            "or save the image as it lies and open that."
        )
    finest = source.levels[0]
    if source.path is not None:
        try:
            slide = open_slide(source.path)
        except SlideError:
            pass  # napari reads more formats
        else:
            if slide.levels[0].shape[:2] == finest.shape[:2]:
                return slide if slide.mpp or not source.mpp else slide.with_mpp(source.mpp, "layer")
            slide.close()
    if isinstance(finest, np.ndarray):
        return Slide.from_array(finest[..., :3], mpp=source.mpp, name=source.name)
    slide = slide_of_arrays(source.levels, mpp=source.mpp, name=source.name)
    return (yield from read_overview(slide))


def read_spots(
    path: Path,
    slide: Slide,
    *,
    pitch_um: float,
    diameter_um: float,
    bin_um: float | None = None,
    trust: bool = False,
) -> Events[Section]:
    """Read spots, which may state the slide's scale; annotations are filled with a grid.

    Spots that contradict the slide are refused unless `trust` takes them as they are.
    """
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem.sections.opening import Opening
        from napari_stem.sections.section import section_on

    return section_on(
        slide, path, pitch_um=pitch_um, diameter_um=diameter_um, bin_um=bin_um,
        symbols=symbols(), opening=Opening(trust_positions=trust),
    )  # fmt: skip


def describe_checkpoint(path: Path) -> Events[ChosenCheckpoint]:
    """Read the header of a checkpoint."""
    yield Progress(0, 0, "read", path.name)
    load_triton_apart()
    with importing:
        from napari_stem.checkpoints.checkpoint import read_about
        from napari_stem.genes.counts import UNITS
        from napari_stem.storage import content_of

    recipe, about = read_about(path)
    weights = chosen_weights(encoder.name for encoder in recipe.encoders)
    unit = UNITS[recipe.transform]
    return ChosenCheckpoint(path, recipe, unit, about, content_of(path), weights)
