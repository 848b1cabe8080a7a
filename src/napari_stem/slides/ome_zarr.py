"""OME-Zarr pictures as slides (versions 0.1 to 0.5 of the format)."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.factors import Stored, fit_levels
from napari_stem.slides.pictures import Picture, choose_picture, find_picture
from napari_stem.slides.pyramid import Converted, Level, SlideFile
from napari_stem.slides.zarr_metadata import (
    FILES,
    Folder,
    axes_of,
    channels_of,
    collected,
    is_plate,
    multiscale,
    refuse_plates,
    scale_of,
)
from napari_stem.slides.zarr_store import SteadyStore, complete_levels

_LARGEST_CHUNK = 64_000_000  # pixels that are decoded to read one
_RGB = ("FF0000", "00FF00", "0000FF")


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder is an OME-Zarr picture, or a collection of some."""
    return path.is_dir() and bool(multiscale(path) or collected(path) or is_plate(path))


def open_zarr(path: Path, *, sparse: bool = False, picture: str | int = "") -> SlideFile:
    """Open a picture of OME-Zarr: a folder, or a zip archive of one.

    Parameters
    ----------
    sparse
        Whether chunks that no level tells of are empty on purpose.
    picture
        Of a collection (the folder that bioformats2raw makes): name of a picture, or its number
        from 0; "" takes the one that is the slide.

    Raises
    ------
    SlideUnreadable
        It is not an 8-bit RGB image, or is incomplete.
    OptionError
        There is no such picture.
    """
    store = SteadyStore.at(path)
    root = path if path.is_dir() else zipfile.Path(path)
    if multiscale(root) is not None:
        if picture != "":
            find_picture((), picture)
        alone = _Folder(store, root)
        alone.check(path)
        return _open(alone, path, sparse=sparse)
    refuse_plates(root, path)
    pictures = collected(root)
    if not pictures:
        raise SlideUnreadable(
            f"This is not an OME-Zarr image: its metadata lack multiscales. Path: '{path}'."
        )
    folders = [_Folder(store, root / within, within) for within in pictures]
    told = [one.told(name) for one, name in zip(folders, pictures.values(), strict=True)]
    chosen = choose_picture(told, picture)
    folder = folders[chosen.number]
    with chosen.naming_others():
        folder.check(path)
    file = _open(folder, path, sparse=sparse)
    notes = chosen.notes + file.notes
    return replace(file, notes=notes, pictures=chosen.names, picture=chosen.number)


class _Folder:
    """The folder of one picture: its metadata, and its arrays, the finest first."""

    def __init__(self, store: SteadyStore, root: Folder, within: str = "") -> None:
        about = multiscale(root)
        assert about is not None
        group = zarr.open_group(store, path=within, mode="r")
        self.store = store
        self.root = root
        self.axes = axes_of(about)
        self.scale = scale_of(about)
        self.arrays: list[Any] = [group[dataset["path"]] for dataset in about["datasets"]]

    def check(self, path: Path) -> None:
        """Raise if it is not an RGB image that can be read by region."""
        _check_rgb(path, self.arrays[0], self.axes, channels_of(self.root))

    def told(self, name: str) -> Picture:
        """What there is to tell of it, beside its name."""
        first = self.arrays[0]
        height, width = (first.shape[self.axes.index(axis)] for axis in "YX")
        tall, wide = (first.chunks[self.axes.index(axis)] for axis in "YX")
        return Picture(
            name,
            width,
            height,
            self.scale.mpp,
            has_levels=len(self.arrays) > 1,
            is_tiled=tall < height or wide < width,
        )


def _open(folder: _Folder, path: Path, *, sparse: bool) -> SlideFile:
    axes = folder.axes
    stored, lost = complete_levels(folder.arrays, axes, folder.store.keys, path, sparse=sparse)
    fitted, doubts = fit_levels([_stored(array, axes) for array in stored])
    levels = tuple(one.level for one in fitted)
    return SlideFile(
        levels,
        folder.scale,
        _identity(folder.root, levels[-1]),
        handle=folder.store,
        notes=(*lost, *doubts),
        sparse=sparse,
    )


def _stored(array: Any, axes: str) -> Stored:
    height, width = (array.chunks[axes.index(axis)] for axis in "YX")
    return Stored(Converted(array, axes), (height, width))


def _check_rgb(path: Path, array: Any, axes: str, channels: list[dict[str, Any]]) -> None:
    colours = tuple(str(channel.get("color", "")).upper() for channel in channels)
    shape = dict(zip(axes, array.shape, strict=True))
    flat = all(shape[axis] == 1 for axis in axes if axis not in "YXC")
    is_rgb = shape.get("C") in (3, 4) and (not any(colours) or colours[:3] == _RGB)
    if not {"Y", "X", "C"} <= set(axes) or not is_rgb or not flat or array.dtype != np.uint8:
        told = f", colours {' '.join(colours)}" if any(colours) else ""
        raise SlideUnreadable(
            f"The image is not RGB: axes {axes}, shape {array.shape}, type "
            f"{array.dtype}{told}. An 8-bit RGB image of H&E is needed. Folder: '{path}'."
        )
    if np.prod(array.chunks) > 3 * _LARGEST_CHUNK:
        raise SlideUnreadable(
            f"Chunks of {array.chunks} are too large to read by region. Write the image "
            f"again with chunks of 256 or 512 pixels. Folder: '{path}'."
        )


def _identity(root: Folder, coarsest: Level) -> str:
    """Metadata and the middle of the coarsest stored level."""
    digest = hashlib.blake2b(digest_size=16)
    for name in FILES:
        if (root / name).is_file():
            digest.update((root / name).read_bytes())
    height, width = coarsest.shape[:2]
    middle = coarsest[height // 4 :, width // 4 :][:1024, :1024]
    digest.update(np.ascontiguousarray(middle).tobytes())
    return digest.hexdigest()
