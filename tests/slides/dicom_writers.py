"""Whole-slide DICOM, element by element, as OpenSlide wants it (PS3.5, PS3.3 A.32.8)."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from .tiff_writers import tiles_of

SIDE = 256
_VL_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def write_dicom(path: Path, image: np.ndarray, spacing_mm: float) -> None:
    """One level of a slide, in plain tiles of 256 x 256 RGB."""
    tiles = list(tiles_of(image, SIDE))
    level = f"1.2.3.{abs(hash(path.name)) % 10**9}"
    measures = _sequence(0x0028, 0x9110, _text(0x0028, 0x0030, "DS", rf"{spacing_mm}\{spacing_mm}"))
    body = b"".join(
        (
            _text(0x0008, 0x0008, "CS", r"ORIGINAL\PRIMARY\VOLUME\NONE"),
            _text(0x0008, 0x0016, "UI", _VL_WHOLE_SLIDE),
            _text(0x0008, 0x0018, "UI", level),
            _text(0x0008, 0x0060, "CS", "SM"),
            _text(0x0020, 0x000D, "UI", "1.2.3.4"),
            _text(0x0020, 0x000E, "UI", "1.2.3.4.5"),
            _text(0x0020, 0x0052, "UI", "1.2.3.9"),
            _text(0x0020, 0x9311, "CS", "TILED_FULL"),
            _number(0x0028, 0x0002, 3),
            _text(0x0028, 0x0004, "CS", "RGB"),
            _number(0x0028, 0x0006, 0),
            _text(0x0028, 0x0008, "IS", str(len(tiles))),
            _number(0x0028, 0x0010, SIDE),
            _number(0x0028, 0x0011, SIDE),
            _number(0x0028, 0x0100, 8),
            _number(0x0028, 0x0101, 8),
            _number(0x0028, 0x0102, 7),
            _number(0x0028, 0x0103, 0),
            _number(0x0048, 0x0006, image.shape[1], "UL"),
            _number(0x0048, 0x0007, image.shape[0], "UL"),
            _number(0x0048, 0x0302, 1, "UL"),
            _number(0x0048, 0x0303, 1, "UL"),
            _sequence(0x5200, 0x9229, measures),
            _element(0x7FE0, 0x0010, "OB", b"".join(tile.tobytes() for tile in tiles)),
        )
    )
    about = b"".join(
        (
            _element(0x0002, 0x0001, "OB", b"\0\1"),
            _text(0x0002, 0x0002, "UI", _VL_WHOLE_SLIDE),
            _text(0x0002, 0x0003, "UI", level),
            _text(0x0002, 0x0010, "UI", _EXPLICIT_LITTLE_ENDIAN),
        )
    )
    length = _number(0x0002, 0x0000, len(about), "UL")
    path.write_bytes(bytes(128) + b"DICM" + length + about + body)


def write_dicom_tiff(path: Path, image: np.ndarray, spacing_mm: float) -> None:
    """The same, whose preamble is the head of a TIFF of the same tiles."""
    write_dicom(path, image, spacing_mm)
    content = bytearray(path.read_bytes())
    size = SIDE * SIDE * 3
    n = -(-image.shape[0] // SIDE) * -(-image.shape[1] // SIDE)
    first, at = len(content) - n * size, len(content) + 8 * n + 16
    places = [first + number * size for number in range(n)]
    numbers = struct.pack(f"<{n}I{n}I2I3H2x", *places, *[size] * n, *(round(10 / spacing_mm), 1),
                          *(8, 8, 8))  # fmt: skip
    offsets, counts = len(content), len(content) + 4 * n
    per_cm, bits = offsets + 8 * n, offsets + 8 * n + 8
    tags = [
        (256, 4, 1, image.shape[1]), (257, 4, 1, image.shape[0]), (258, 3, 3, bits),
        (259, 3, 1, 1), (262, 3, 1, 2), (277, 3, 1, 3), (282, 5, 1, per_cm),
        (283, 5, 1, per_cm), (296, 3, 1, 3), (322, 3, 1, SIDE), (323, 3, 1, SIDE),
        (324, 4, n, offsets), (325, 4, n, counts),
    ]  # fmt: skip
    content[:8] = b"II*\0" + struct.pack("<I", at)
    content += numbers + struct.pack("<H", len(tags))
    content += b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.write_bytes(content)


def _text(group: int, element: int, kind: str, value: str) -> bytes:
    pad = b"\0" if kind == "UI" else b" "
    content = value.encode("ascii")
    return _element(group, element, kind, content + pad * (len(content) % 2))


def _number(group: int, element: int, value: int, kind: str = "US") -> bytes:
    return _element(group, element, kind, struct.pack("<I" if kind == "UL" else "<H", value))


def _sequence(group: int, element: int, item: bytes) -> bytes:
    content = struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
    return _element(group, element, "SQ", content)


def _element(group: int, element: int, kind: str, content: bytes) -> bytes:
    head = struct.pack("<HH", group, element) + kind.encode("ascii")
    if kind in ("OB", "SQ"):
        return head + struct.pack("<HI", 0, len(content)) + content
    return head + struct.pack("<H", len(content)) + content
