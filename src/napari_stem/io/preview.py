"""The slide of a prediction: its file, or else the thumbnail that the prediction carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import OptionError, SlideError, SlideNotFound, SlideUnreadable
from napari_stem.slides.mpp import Scale
from napari_stem.slides.pyramid import SlideFile
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.provenance import provenance
from napari_stem.spots.table import library

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray


class PreviewSlide(Slide):
    """A thumbnail enlarged to the size of its slide: for display; full resolution is refused."""

    @classmethod
    def of_picture(
        cls,
        picture: NDArray[np.uint8],
        downsample: float,
        *,
        mpp: float | None,
        name: str,
        notes: tuple[str, ...] = (),
    ) -> PreviewSlide:
        """The stand-in of a slide that is `downsample` times as large as its picture."""
        small = Slide.from_array(picture, name=name)
        levels = (Enlarged(picture, downsample), *small.levels)
        file = SlideFile(levels, Scale(mpp, "prediction"), notes=notes)
        return cls(file, name=name, path=None, fingerprint=f"preview of {small.fingerprint}")

    def __reduce__(self) -> tuple[Callable[..., Slide], tuple[object, ...]]:
        """Another process gets the thumbnail."""
        enlarged = self.levels[0]
        assert isinstance(enlarged, Enlarged)
        parts = enlarged.picture, enlarged.factor
        made = partial(
            PreviewSlide.of_picture, mpp=self.mpp, name=self.name, notes=self._file.notes
        )
        return made, parts

    def read_region(
        self, x: int, y: int, width: int, height: int, level: int = 0
    ) -> NDArray[np.uint8]:
        """Raise an error: a thumbnail lacks the detail of a region."""
        raise SlideUnreadable(
            f"Only the thumbnail of '{self.name}' is available, from the prediction. Open "
            "the slide's file to work on it."
        )


class Enlarged:
    """A level that repeats the pixels of a picture."""

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, picture: NDArray[np.uint8], factor: float) -> None:
        height, width = (round(side * factor) for side in picture.shape[:2])
        self.shape = (height, width, 3)
        self.size = height * width * 3
        self.picture, self.factor = picture, factor

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        key = key if isinstance(key, tuple) else (key,)
        rows, columns = (
            np.arange(mine)[part] * theirs // mine
            for mine, theirs, part in zip(
                self.shape[:2], self.picture.shape, (*key, slice(None))[:2], strict=False
            )
        )
        found: NDArray[np.uint8] = self.picture[np.ix_(rows, columns)][(..., *key[2:])]
        return found


def slide_of(prediction: AnnData, folder: Path) -> Slide:
    """The slide that a prediction was made of, at its scale.

    Its file is looked for where it was and in `folder`; one of other content is not taken.
    """
    about = provenance(prediction, "slide", "mpp")
    entry = prediction.uns["spatial"][library(prediction)]
    if "images" not in entry:
        raise SlideNotFound("The prediction holds no picture of its slide. Open the slide first.")
    picture = np.asarray(entry["images"]["hires"])
    downsample = 1 / float(entry["scalefactors"]["tissue_hires_scalef"])
    slide, notes = _find(about, folder, partial(_is_same, about, picture.shape, downsample))
    if slide is not None:
        return slide
    name, mpp = str(about["slide"]), float(about["mpp"]) or None
    if downsample == 1 and not notes:
        return Slide.from_array(picture, mpp=mpp, name=name)
    return PreviewSlide.of_picture(picture, downsample, mpp=mpp, name=name, notes=notes)


def slide_in_full(prediction: AnnData, folder: Path, path: Path | None = None) -> Slide:
    """The slide of a prediction at its scale, of which a thumbnail does not do.

    Parameters
    ----------
    folder
        Where its file is looked for, besides where it was.
    path
        Its file, if it is known.

    Raises
    ------
    SlideNotFound
        Its file was not found.
    SlideError
        The file that was named cannot be read.
    """
    about = provenance(prediction, "slide", "mpp")
    if path is not None:
        return _at_scale(open_slide(path, picture=int(about.get("slide_picture", 0))), about)
    found = slide_of(prediction, folder)
    if isinstance(found, PreviewSlide):
        raise SlideNotFound(
            f"The slide '{found.name}' of the prediction was not found. Name its file."
        )
    return found


def slide_without_picture(prediction: AnnData, folder: Path, shown: Slide | None) -> Slide:
    """The slide of a prediction that has no picture of it, which it gets here.

    Parameters
    ----------
    folder
        Where its file is looked for, besides where it was.
    shown
        A slide that is open, and may be it.

    Raises
    ------
    SlideNotFound
        It is not the open one, and its file was not found.
    """
    about = provenance(prediction, "slide", "mpp", "slide_fingerprint")
    slide = shown if shown is not None and _has_content(about, shown) else None
    if slide is None:
        slide, _ = _find(about, folder, partial(_has_content, about))
    if slide is None:
        raise SlideNotFound(
            f"The slide '{about['slide']}' of these heatmaps was not found, and they hold no "
            "picture of it. Open the slide first."
        )
    picture, downsample = slide.thumbnail()
    entry = prediction.uns["spatial"][library(prediction)]
    entry["images"] = {"hires": picture}
    entry["scalefactors"]["tissue_hires_scalef"] = 1 / downsample
    return slide


def _find(
    about: Mapping[str, Any], folder: Path, is_it: Callable[[Slide], bool]
) -> tuple[Slide | None, tuple[str, ...]]:
    """The file of a prediction's slide, at its scale; None with a note if another has its name."""
    notes: tuple[str, ...] = ()
    if file := str(about.get("slide_path", "")):
        for path in (Path(file), folder / Path(file).name):
            slide = _open(path, int(about.get("slide_picture", 0)))
            if slide is not None and is_it(slide):
                slide.name = str(about["slide"])
                return _at_scale(slide, about), ()
            if slide is not None:
                slide.close()
                notes = (f"'{path}' is another slide than that of the prediction.",)
    return None, notes


def _at_scale(slide: Slide, about: Mapping[str, Any]) -> Slide:
    mpp = float(about["mpp"])
    return slide.with_mpp(mpp, "prediction") if mpp and mpp != slide.mpp else slide


def _open(path: Path, picture: int) -> Slide | None:
    try:
        return open_slide(path, picture=picture)
    except (OptionError, SlideError, OSError):
        return None


def _is_same(
    about: Mapping[str, Any], shape: tuple[int, ...], downsample: float, slide: Slide
) -> bool:
    """Whether a slide has the content, or else the size, of that of a prediction."""
    if about.get("slide_fingerprint"):
        return _has_content(about, slide)
    expected = np.array(shape[:2]) * downsample
    return bool(np.abs(expected - (slide.height, slide.width)).max() <= downsample)


def _has_content(about: Mapping[str, Any], slide: Slide) -> bool:
    return slide.fingerprint == str(about["slide_fingerprint"])
