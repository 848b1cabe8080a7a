"""What tells slides apart, whatever their files are called."""

from __future__ import annotations

import hashlib
from pathlib import Path

from napari_stem.slides.pyramid import SlideFile

_MEBIBYTE = 1 << 20


def fingerprint_of(path: Path, file: SlideFile) -> str:
    """Content that two slides hardly share: size, both ends of the file, shapes of levels.

    Pictures of one file differ in their number.
    """
    shapes = [tuple(level.shape) for level in file.levels]
    picture = f"picture {file.picture}" if file.picture else ""
    digest = hashlib.blake2b((file.identity + picture).encode(), digest_size=16)
    if path.is_dir():
        digest.update(repr(shapes).encode())
        return digest.hexdigest()
    size = path.stat().st_size
    digest.update(repr((size, shapes)).encode())
    with path.open("rb") as stream:
        digest.update(stream.read(_MEBIBYTE))
        stream.seek(max(0, size - _MEBIBYTE))
        digest.update(stream.read())
    return digest.hexdigest()
