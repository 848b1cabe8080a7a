"""A section of tissue: its slide with its spots, opened together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from anndata import AnnData

from napari_stem.errors import Hint, Remedy, SlideNotFound
from napari_stem.io import read_spots, source_of
from napari_stem.io.annotations import annotated_grid, drawn_regions
from napari_stem.io.legacy_st import find_images
from napari_stem.io.source import with_source
from napari_stem.io.spaceranger import picture_scale
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.scaling import scale_spots
from napari_stem.spots.section_names import section_name
from napari_stem.spots.table import check_spots, fitting_scales, mpp_from_pitch, on_slide
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM
from napari_stem.text import counted


@dataclass(frozen=True, slots=True, eq=False)  # tables have no single truth value
class Section:
    """A slide and the spots on it; closing it releases the slide's file."""

    name: str
    slide: Slide
    spots: AnnData

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

    Raises
    ------
    SlideError, SpotsError
        A part is missing or damaged, or the spots do not lie on the slide.
    """
    path = Path(path)
    spots = read_spots(path, bin_um=bin_um, symbols=symbols)
    source = source_of(spots)
    slide = open_slide(image or source.image or _image_in(path, source.remark), mpp=mpp)
    slide.name = section_name(path)  # images of sections tend to share a name, such as HE.jpg
    try:
        return placed(spots, slide, pitch_um=pitch_um)
    except BaseException:
        slide.close()
        raise


def section_on(
    slide: Slide,
    path: str | Path,
    *,
    pitch_um: float = PITCH_UM,
    diameter_um: float = DIAMETER_UM,
    spot_pitch_um: float | None = None,
    bin_um: float | None = None,
    symbols: str | Path | None = None,
) -> Section:
    """Spots for an open slide, and the slide at the scale that they give.

    Regions that a pathologist drew in QuPath (.geojson) are filled with a grid. Spots of other
    files are taken as by `placed`.

    Parameters
    ----------
    pitch_um, diameter_um
        Of the grid in drawn regions.
    spot_pitch_um
        Of the spots of other files, as by `placed`.
    bin_um, symbols
        As in `read_spots`.

    Raises
    ------
    SpotsError, MissingScale
        The spots cannot be used, or do not lie on the slide.
    """
    path = Path(path)
    if regions := drawn_regions(path):
        grid = annotated_grid(slide, regions, pitch_um=pitch_um, diameter_um=diameter_um)
        return Section(slide.name, slide, grid)
    return placed(read_spots(path, bin_um=bin_um, symbols=symbols), slide, pitch_um=spot_pitch_um)


def placed(spots: AnnData, slide: Slide, *, pitch_um: float | None = None) -> Section:
    """Spots on a slide, and the slide at the scale that they give.

    Where the slide is a reduced picture of the one that was measured, spots are moved onto it by
    a scale factor of their table: the one of its name (tissue_hires_image), or the only one that
    makes them fit; `source_of` records it. Spots outside the slide are left out if their format
    measures more tissue than a slide shows.

    Parameters
    ----------
    pitch_um
        Spot pitch in micrometres; default: that of the format.

    Raises
    ------
    SpotsOutsideSlide
        Spots do not lie on the slide.
    """
    source = source_of(spots)
    reduced = picture_scale(spots, slide.path or Path(slide.name))
    if reduced is None and not source.beyond_slide and not on_slide(spots, slide).all():
        fits = fitting_scales(spots, slide)
        reduced = next(iter(fits.values())) if len(fits) == 1 else None
    if reduced is not None:
        spots = _moved(spots, reduced, slide.path.name if slide.path else slide.name)
    elif source.mpp and slide.mpp_source != "argument":
        slide = slide.with_mpp(source.mpp, source=source.format)
    if source.beyond_slide and (there := on_slide(spots, slide)).any():
        spots = spots[there].copy()
    check_spots(spots, slide)
    pitch_um = pitch_um or source.pitch_um
    if slide.mpp is None and pitch_um is not None:
        slide = slide.with_mpp(mpp_from_pitch(spots, pitch_um), source="spot pitch")
    return Section(slide.name, slide, spots)


def _moved(spots: AnnData, scale: float, picture: str) -> AnnData:
    moved = scale_spots(spots, scale)
    remark = f"coordinates scaled to the image {picture} (factor {scale:.3g})"
    return with_source(moved, replace(source_of(moved), remark=remark))


def _image_in(path: Path, remark: str) -> Path:
    images = find_images(path) if path.is_dir() else []
    if len(images) != 1:
        found = remark or ", ".join(p.name for p in images) or "none"
        raise SlideNotFound(
            f"Exactly one slide image is needed with the spots; found: {found}. Choose the "
            f"image. Path: '{path}'.",
            hint=Hint(Remedy.IMAGE),
        )
    return images[0]
