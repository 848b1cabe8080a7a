"""A section of tissue: its slide with its spots, opened together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from anndata import AnnData

from napari_stem.errors import Hint, Remedy, SlideNotFound, SpotsError
from napari_stem.io import read_spots
from napari_stem.io.annotations import annotated_grid, drawn_regions
from napari_stem.io.legacy_st import find_images
from napari_stem.io.pictures import sized
from napari_stem.sections.opening import Opening
from napari_stem.sections.placing import place
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.notes import notes_of
from napari_stem.spots.section_names import section_name
from napari_stem.spots.source import source_of
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM
from napari_stem.text import a_few, counted


@dataclass(frozen=True, slots=True, eq=False)  # tables have no single truth value
class Section:
    """A slide and the spots on it; closing it releases the slide's file."""

    name: str
    slide: Slide
    spots: AnnData

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found and assumed about the slide and its spots, as display text."""
        return (*self.slide.notes, *notes_of(self.spots))

    def close(self) -> None:
        """Release the slide's file."""
        self.slide.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        measured = f", {counted(self.spots.n_vars, 'gene')}" if self.spots.n_vars else ""
        spots = counted(self.spots.n_obs, "spot")
        return f"<Section '{self.name}' {spots}{measured}, {self.slide!r}>"


def open_section(
    path: str | Path,
    *,
    image: str | Path | None = None,
    mpp: float | None = None,
    pitch_um: float | None = None,
    bin_um: float | None = None,
    symbols: str | Path | None = None,
    opening: Opening | None = None,
) -> Section:
    """Open a slide with the spots that belong to it.

    Parameters
    ----------
    path
        Anything that `read_spots` reads: a folder with an image and spots, or a spot table.
    image
        The slide, if it is not in the folder of the spots. One of the small pictures that Space
        Ranger writes (tissue_hires_image.png) is taken at its own scale.
    mpp
        Micrometres per pixel. Where neither this, nor the format of the spots, nor the image's
        metadata state it, it follows from the spots' pitch.
    pitch_um
        Spot pitch in micrometres; default: that of the format (Visium 100, legacy ST arrays 200).
    bin_um, symbols
        As in `read_spots`.
    opening
        Choices among what the files hold, and whom to believe.

    Raises
    ------
    SlideError, SpotsError
        A part is missing or damaged, or spots and slide contradict each other.
    """
    path, chosen = Path(path), opening or Opening()
    spots = _read(path, bin_um, symbols, chosen)
    source = source_of(spots)
    slide = open_slide(
        image or source.image or _image_in(path, source.images),
        mpp=mpp,
        sparse=chosen.sparse,
        picture=chosen.picture,
    )
    slide.name = section_name(path)  # images of sections tend to share a name, such as HE.jpg
    try:
        spots, slide = place(spots, slide, pitch_um=pitch_um, trust=chosen.trust_positions)
    except SpotsError as error:
        slide.close()
        raise error.about(f"Image: '{slide.path}'.") from error
    except BaseException:
        slide.close()
        raise
    return Section(slide.name, slide, spots)


def section_on(
    slide: Slide,
    path: str | Path,
    *,
    pitch_um: float = PITCH_UM,
    diameter_um: float = DIAMETER_UM,
    spot_pitch_um: float | None = None,
    bin_um: float | None = None,
    symbols: str | Path | None = None,
    opening: Opening | None = None,
) -> Section:
    """Spots for an open slide, and the slide at the scale that they give.

    Regions that a pathologist drew in QuPath (.geojson) are filled with a grid. Spots of other
    files are placed as by `placing.place`.

    Parameters
    ----------
    pitch_um, diameter_um
        Of the grid in drawn regions.
    spot_pitch_um
        Of the spots of other files; default: that of the format.
    bin_um, symbols
        As in `read_spots`.
    opening
        Choices among what the files hold, and whom to believe.

    Raises
    ------
    SpotsError, MissingScale
        The spots cannot be used, or they and the slide contradict each other.
    """
    path, chosen = Path(path), opening or Opening()
    if regions := drawn_regions(path):
        grid = annotated_grid(slide, regions, pitch_um=pitch_um, diameter_um=diameter_um)
        return Section(slide.name, slide, grid)
    spots = _read(path, bin_um, symbols, chosen)
    spots, slide = place(spots, slide, pitch_um=spot_pitch_um, trust=chosen.trust_positions)
    return Section(slide.name, slide, spots)


def _read(path: Path, bin_um: float | None, symbols: str | Path | None, chosen: Opening) -> AnnData:
    return read_spots(
        path, bin_um=bin_um, symbols=symbols, library=chosen.library, layer=chosen.layer
    )


def _image_in(path: Path, found: Sequence[Path]) -> Path:
    images = found or (find_images(path) if path.is_dir() else [])
    if len(images) != 1:
        listed = a_few(map(sized, images), most=4) or "none"
        raise SlideNotFound(
            f"Exactly one slide image is needed with the spots; found: {listed}. Choose the "
            f"image. Path: '{path}'.",
            hint=Hint(Remedy.IMAGE),
        )
    return images[0]
