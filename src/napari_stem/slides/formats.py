"""Which reader a slide's file is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_stem.errors import OptionError, SlideUnreadable
from napari_stem.slides.czi import MAGIC as CZI
from napari_stem.slides.czi import open_czi
from napari_stem.slides.flat import open_flat
from napari_stem.slides.openslide import (
    LONGEST_MAGIC,
    is_dicom,
    is_for_openslide,
    open_openslide,
)
from napari_stem.slides.pictures import find_picture
from napari_stem.slides.pyramid import SlideFile
from napari_stem.slides.tiff.ome_files import is_companion
from napari_stem.slides.tiff.reader import MAGIC as TIFF
from napari_stem.slides.tiff.reader import needs_openslide, open_tiff
from napari_stem.slides.zarr.reader import is_ome_zarr, open_zarr
from napari_stem.slides.zarr.store import is_zip
from napari_stem.text import one_line

_SUPPORTED = "SVS, NDPI, MRXS, SCN, BIF, CZI, DICOM, TIFF, OME-TIFF, OME-Zarr, JPEG, PNG"


def is_slide(path: Path) -> bool:
    """Whether there is something to open: a file, or an OME-Zarr folder."""
    return path.is_file() or is_ome_zarr(path)


def open_file(path: Path, *, sparse: bool = False, picture: str | int = "") -> SlideFile:
    """Open an image by its content, or by its name if the content is ambiguous.

    Parameters
    ----------
    sparse
        Whether chunks of an OME-Zarr that no level tells of are empty on purpose.
    picture
        Name of a picture of the file, or its number from 0; "" takes the one that is the slide.

    Raises
    ------
    SlideUnreadable
        The file is damaged, of an unknown format, or not an RGB image.
    OptionError
        There is no such picture.
    """
    with _said_of(path):
        start = _start_of(path)
        if path.is_dir() or is_zip(start):
            return open_zarr(path, sparse=sparse, picture=picture)
        if is_companion(path):
            return open_tiff(path, picture=picture)
        if start.startswith(TIFF) and not is_for_openslide(path) and not needs_openslide(path):
            return open_tiff(path, picture=picture)
        if picture != "":
            find_picture((), picture)
        return _open_single(path, start)


def _start_of(path: Path) -> bytes:
    if path.is_dir():
        return b""
    with path.open("rb") as file:
        return file.read(LONGEST_MAGIC)


def _open_single(path: Path, start: bytes) -> SlideFile:
    """Open a file of a format with one picture."""
    if is_for_openslide(path) or start.startswith(TIFF):
        return open_openslide(path)
    if start.startswith(CZI):
        return open_czi(path)
    return open_openslide(path) if is_dicom(start) else open_flat(path)


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Decoders raise errors of any type: turn them into one error that names the file."""
    try:
        yield
    except OptionError as error:
        raise error.about(f"File: '{path}'.") from error
    except SlideUnreadable:
        raise
    except MemoryError as error:
        raise SlideUnreadable(
            "Not enough memory to open the slide. Convert it to a tiled, pyramidal TIFF. "
            f"File: '{path}'."
        ) from error
    except Exception as error:
        reason = one_line(error)
        raise SlideUnreadable(
            f"The file could not be read as a slide: {reason}. Check that it is complete "
            f"and in a supported format ({_SUPPORTED}). File: '{path}'."
        ) from error
