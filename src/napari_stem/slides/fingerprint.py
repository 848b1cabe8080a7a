"""What tells slides apart, whatever their files are called."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.slides.pyramid import SlideFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MEBIBYTE = 1 << 20


def fingerprint_of(path: Path, file: SlideFile) -> str:
    """Content that two slides hardly share: size, both ends of the file, size of level 0.

    Pictures of one file differ in their number.
    """
    shape = tuple(file.levels[0].shape)
    picture = f"picture {file.picture}" if file.picture else ""
    digest = hashlib.blake2b((file.identity + picture).encode(), digest_size=16)
    if path.is_dir():
        digest.update(repr(shape).encode())
        return digest.hexdigest()
    digest.update(repr((path.stat().st_size, shape)).encode())
    _add_ends(digest, path)
    return digest.hexdigest()


def fingerprint_of_pixels(image: NDArray[np.uint8]) -> str:
    """All pixels of an image in memory."""
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(image.data)
    return digest.hexdigest()


def ends_of(path: Path) -> str:
    """A digest of both ends of a file, and its size."""
    digest = hashlib.blake2b(repr(path.stat().st_size).encode(), digest_size=16)
    _add_ends(digest, path)
    return digest.hexdigest()


def _add_ends(digest: hashlib.blake2b, path: Path) -> None:
    with path.open("rb") as stream:
        digest.update(stream.read(_MEBIBYTE))
        stream.seek(max(0, path.stat().st_size - _MEBIBYTE))
        digest.update(stream.read())
