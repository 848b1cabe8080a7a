"""What tells slides apart, whatever their files are called."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.slides.pyramid import SlideFile
from napari_stem.storage import content_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def fingerprint_of(path: Path, file: SlideFile) -> str:
    """Content that two slides hardly share: that of the file, and the size of level 0.

    Pictures of one file differ in their number.
    """
    shape = tuple(file.levels[0].shape)
    picture = f"picture {file.picture}" if file.picture else ""
    digest = hashlib.blake2b((file.identity + picture).encode(), digest_size=16)
    if path.is_dir():
        digest.update(repr(shape).encode())
        return digest.hexdigest()
    digest.update(repr((content_of(path), shape)).encode())
    return digest.hexdigest()


def fingerprint_of_pixels(image: NDArray[np.uint8]) -> str:
    """All pixels of an image in memory."""
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(image.data)
    return digest.hexdigest()
