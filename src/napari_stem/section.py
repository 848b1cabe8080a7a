"""A section of tissue: its slide with its spots, opened together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anndata import AnnData

from napari_stem.errors import SlideNotFound
from napari_stem.io import read_spots
from napari_stem.io.legacy_st import PITCH_UM, is_legacy_st
from napari_stem.slide import Slide, open_slide
from napari_stem.spots import check_spots, mpp_from_pitch

_IMAGES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".svs"}


@dataclass(frozen=True, slots=True)
class Section:
    """A slide and the spots on it."""

    name: str
    slide: Slide
    spots: AnnData


def open_section(
    path: str | Path,
    *,
    image: str | Path | None = None,
    mpp: float | None = None,
    pitch_um: float | None = None,
) -> Section:
    """Open a slide with the spots that belong to it.

    Parameters
    ----------
    path
        A folder with an image and spots, or a spot table, which needs `image`.
    mpp
        Micrometres per pixel. Where neither this nor the image's metadata state it, it follows
        from the spots' pitch.
    pitch_um
        Distance of neighbouring spots in micrometres; legacy ST arrays have 200.

    Raises
    ------
    SlideError, SpotsError
        A part is missing or damaged, or the spots do not lie on the slide.
    """
    path = Path(path)
    name = path.name if path.is_dir() else path.stem
    spots = read_spots(path)
    slide = open_slide(image or _image_in(path), mpp=mpp)
    slide.name = name  # images of sections tend to share a name, such as HE.jpg
    try:
        check_spots(spots, slide)
        if pitch_um is None and is_legacy_st(path):
            pitch_um = PITCH_UM
        if slide.mpp is None and pitch_um is not None:
            slide = slide.with_mpp(mpp_from_pitch(spots, pitch_um), source="spot pitch")
    except BaseException:
        slide.close()
        raise
    return Section(name, slide, spots)


def _image_in(folder: Path) -> Path:
    images = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in _IMAGES]
    if len(images) != 1:
        found = ", ".join(p.name for p in images) or "none"
        raise SlideNotFound(
            f"'{folder}' must hold one slide image beside its spots; found: {found}. "
            "Name the image (--image)."
        )
    return images[0]
