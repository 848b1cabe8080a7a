"""A slide: levels that are read by region, and micrometres per pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from PIL import Image

from napari_stem.cache import mark_used
from napari_stem.errors import (
    Hint,
    MissingScale,
    OptionError,
    Remedy,
    SlideNotFound,
    SlideUnreadable,
)
from napari_stem.events import Events, Pace, Progress
from napari_stem.slides.fingerprint import fingerprint_of, fingerprint_of_pixels
from napari_stem.slides.formats import is_slide, open_file
from napari_stem.slides.pyramid import (
    Level,
    SlideFile,
    downsample,
    make_overviews,
    region_of,
    with_overviews,
)
from napari_stem.slides.suffixes import slide_name
from napari_stem.storage import as_path, cache_dir
from napari_stem.text import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORTH_KEEPING = 400_000_000  # pixels of a flat slide whose overview is kept on disk


class Slide:
    """An RGB image of tissue, read by region. It can be read from several threads.

    Attributes
    ----------
    name
        Display name: the file name without its suffix, or that of the folder of an `HE.jpg`.
    path
        Path of the file; None for an image in memory.
    mpp
        Micrometres per level-0 pixel; None if unknown.
    mpp_source
        Where `mpp` comes from, or why it is unknown.
    levels
        (h, w, 3) uint8 arrays, level 0 first, which read what is sliced.
    downsamples
        Level-0 pixels per pixel of each level.
    fingerprint
        The same for the same content, under any file name.
    """

    def __init__(self, file: SlideFile, *, name: str, path: Path | None, fingerprint: str) -> None:
        self._file = file
        self.name = name
        self.path = path
        self.fingerprint = fingerprint
        self.mpp, self.mpp_source, _ = file.scale

    @classmethod
    def from_array(
        cls, image: NDArray[np.uint8], *, mpp: float | None = None, name: str = "slide"
    ) -> Slide:
        """A slide of an image in memory, (h, w, 3) RGB."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise SlideUnreadable(
                f"The image is not RGB: it has shape {image.shape} and type {image.dtype}; "
                f"(h, w, 3) and uint8 are needed. Image: '{name}'."
            )
        image = np.ascontiguousarray(image)
        file = SlideFile(with_overviews((image,)))
        slide = cls(file, name=name, path=None, fingerprint=fingerprint_of_pixels(image))
        return slide if mpp is None else slide.with_mpp(mpp)

    @property
    def levels(self) -> Sequence[Level]:
        """Level 0 first; what is sliced is read."""
        return self._file.levels

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found in the file or assumed about it, one line each; none for most slides."""
        notes, scale = self._file.notes, self._file.scale
        return notes + scale.notes if self.mpp_source == scale.source else notes

    @property
    def pictures(self) -> tuple[str, ...]:
        """Names of the pictures in the file; empty for formats that hold a single one."""
        return self._file.pictures

    @property
    def picture(self) -> int:
        """The number, from 0, of the picture in the file that is the slide."""
        return self._file.picture

    @property
    def stated_mpp(self) -> tuple[float | None, str]:
        """Micrometres per pixel that the file itself states, and where; None if it does not."""
        return self._file.scale.mpp, self._file.scale.source

    @property
    def width(self) -> int:
        """Pixels of level 0 from left to right."""
        return int(self.levels[0].shape[1])

    @property
    def height(self) -> int:
        """Pixels of level 0 from top to bottom."""
        return int(self.levels[0].shape[0])

    @property
    def downsamples(self) -> tuple[float, ...]:
        """Level-0 pixels per pixel of each level."""
        return tuple(downsample(self.levels[0].shape, level.shape) for level in self.levels)

    def require_mpp(self) -> float:
        """Micrometres per level-0 pixel.

        Raises
        ------
        MissingScale
            The scale is unknown.
        """
        if self.mpp is None:
            reason = "" if self.mpp_source == "none" else f" ({self.mpp_source})"
            raise MissingScale(
                f"'{self.name}' states no micrometres per pixel{reason}. Give the scale "
                "(about 0.5 µm/px for 20x scans, 0.25 for 40x) or the spot pitch (100 µm "
                "for Visium, 200 µm for legacy ST).",
                hint=Hint(Remedy.SCALE, "0.5"),
            )
        return self.mpp

    def with_mpp(self, mpp: float, source: str = "argument") -> Slide:
        """The same slide at a stated scale; it shares the open file.

        Raises
        ------
        OptionError
            The scale is not a positive number.
        """
        if not 0 < mpp < float("inf"):
            raise OptionError(
                f"The scale of '{self.name}' is {mpp} µm/px; it must be a positive number."
            )
        slide = type(self)(self._file, name=self.name, path=self.path, fingerprint=self.fingerprint)
        slide.mpp, slide.mpp_source = mpp, source
        return slide

    def read_region(
        self, x: int, y: int, width: int, height: int, level: int = 0
    ) -> NDArray[np.uint8]:
        """A rectangle of a level.

        Parameters
        ----------
        x, y, width, height
            Left, top and size in pixels of that level. What lies outside is white.

        Returns
        -------
        (height, width, 3) RGB.

        Raises
        ------
        SlideUnreadable
            The file is damaged there, or not reachable.
        """
        where = f"region ({max(x, 0)}, {max(y, 0)}), level {level}"
        try:
            return region_of(self.levels[level], x, y, width, height)
        except MemoryError as error:
            raise SlideUnreadable(
                f"Not enough memory to read {where} of '{self.path or self.name}'."
            ) from error
        except Exception as error:
            raise SlideUnreadable(
                f"Could not read {where}: {one_line(error)}. Check that the file is "
                f"complete and reachable. File: '{self.path or self.name}'."
            ) from error

    def thumbnail(self, longest: int = 1024) -> tuple[NDArray[np.uint8], float]:
        """The whole slide at most `longest` pixels long, and its level-0 pixels per pixel."""
        scale = max(self.width, self.height) / longest
        if scale <= 1:
            return self.read_region(0, 0, self.width, self.height), 1.0
        fine = [i for i, d in enumerate(self.downsamples) if d <= scale]
        level = fine[-1] if fine else 0
        height, width = self.levels[level].shape[:2]
        image = Image.fromarray(self.read_region(0, 0, width, height, level))
        size = [max(1, round(side / scale)) for side in (self.width, self.height)]
        return np.asarray(image.resize((size[0], size[1]), Image.Resampling.HAMMING)), scale

    def iter_overview(self) -> Events[None]:
        """Make the levels that the file lacks, as far as memory holds them.

        They are otherwise made when first displayed. Making them at once lets a window report
        progress for a large flat slide.
        """
        pace = Pace()
        with closing(make_overviews(self.levels)) as made:
            for done, total in made:
                if pace.due() or done == total:
                    yield Progress(done, total, "overview", self.name)

    def close(self) -> None:
        """Release the file. Slides made by `with_mpp` share it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Slide], tuple[object, ...]]:
        """Another process opens the file again; an image in memory is sent whole."""
        content = np.asarray(self.levels[0]) if self.path is None else self.path.absolute()
        asked = {"sparse": self._file.sparse, "picture": self.picture if self.pictures else ""}
        return _reopened, (content, self.name, self.mpp, self.mpp_source, asked)

    def __repr__(self) -> str:
        scale = f"{self.mpp:.3g} µm/px" if self.mpp else "scale unknown"
        return f"<Slide '{self.name}' {self.width} x {self.height}, {scale}>"


def open_slide(
    path: str | Path,
    *,
    mpp: float | None = None,
    sparse: bool = False,
    picture: str | int = "",
) -> Slide:
    """Open a slide: SVS, NDPI, MRXS, SCN, BIF, CZI, DICOM, OME-TIFF, OME-Zarr, TIFF, JPEG, PNG.

    Tiled files are never read whole.

    Parameters
    ----------
    path
        The slide's file, or its folder (OME-Zarr, DICOM).
    mpp
        Micrometres per pixel, if the file states none or a wrong value.
    sparse
        Whether chunks that an OME-Zarr does not store are empty on purpose, where no coarser
        level tells.
    picture
        Name of a picture, or its number from 0, of a file that has several; see `Slide.pictures`.
        By default the slide is told from label, macro and thumbnail by names, scale and levels.

    Returns
    -------
    The slide, whose file stays open until `close`, or the end of `with`.

    Raises
    ------
    SlideNotFound, SlideUnreadable
        The file is missing, damaged, of an unknown format, or not an RGB image.
    OptionError
        There is no such picture, or the scale is not a positive number.

    Examples
    --------
    >>> with stem.open_slide(image, mpp=0.5) as opened:
    ...     opened.width
    1200
    """
    path = as_path(path, "a slide")
    if not is_slide(path):
        raise SlideNotFound(f"There is no slide at '{path}'. Check the path.")
    file = open_file(path, sparse=sparse, picture=picture)
    fingerprint = fingerprint_of(path, file)
    height, width = file.levels[-1].shape[:2]
    folder = cache_dir() / "overviews" / fingerprint if height * width > _WORTH_KEEPING else None
    if folder is not None:
        mark_used(folder)
    file = replace(file, levels=with_overviews(file.levels, folder))
    slide = Slide(file, name=slide_name(path), path=path, fingerprint=fingerprint)
    return slide if mpp is None else slide.with_mpp(mpp)


def _reopened(
    content: Path | NDArray[np.uint8], name: str, mpp: float | None, source: str, asked: Any
) -> Slide:
    slide = open_slide(content, **asked) if isinstance(content, Path) else Slide.from_array(content)
    slide.name, slide.mpp, slide.mpp_source = name, mpp, source
    return slide
