"""Micrometres per pixel: the numbers and units of metadata, and which of several scales counts.

Each format states its scale elsewhere: TIFFs in descriptions and tags (`tiff.mpp`), CZI in its XML
(`czi_file`), OME-Zarr in transformations (`zarr.reader`), all others in what OpenSlide tells
(`openslide`). JPEG and PNG state none: their resolution is a printer's or a screen's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

PLAUSIBLE_MPP = (0.05, 20.0)
_SQUARE = 0.01  # pixels whose sides differ by less count as square
_SAME = 0.05  # statements that differ by less count as one
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_MICROMETRES = {
    "µm": 1.0, "um": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0,
    "micrometer": 1.0, "micrometre": 1.0,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4, "inch": 25_400.0,
    "m": 1e6, "meter": 1e6, "metre": 1e6, "å": 1e-4, "angstrom": 1e-4,
}  # fmt: skip


class Stated(NamedTuple):
    """Width and height of a pixel in micrometres, and where they are stated."""

    x: float
    y: float
    source: str

    def __str__(self) -> str:
        width, height = f"{self.x:.4g}", f"{self.y:.4g}"
        return f"{width} µm/px" if width == height else f"{width} x {height} µm/px"


class Scale(NamedTuple):
    """Micrometres per pixel and where they are stated, or None and why, and what else is stated."""

    mpp: float | None = None
    source: str = "none"
    notes: tuple[str, ...] = ()


UNKNOWN = Scale()


def number(text: object) -> float:
    """The number that metadata state; NaN if it is none.

    A comma stands for the point where there is one, as in `0,25`; where both are there, the last
    one is the point. Exponents count.
    """
    found = str(text).strip()
    if not _NUMBER.fullmatch(found):
        return float("nan")
    whole, mark, rest = found.replace(",", ".").rpartition(".")
    if not mark:
        return float(rest)
    if found.count(found[len(whole)]) > 1:  # it parts thousands
        return float(found.replace(",", "").replace(".", ""))
    return float(f"{whole.replace('.', '')}.{rest}")


def micrometres(unit: str | None) -> float | None:
    """Micrometres of one unit of length; None for an unknown unit."""
    return _MICROMETRES.get((unit or "").strip().lower())


def choose_mpp(stated: Iterable[Stated | None]) -> Scale:
    """The first scale that a scanner can have; none where its pixels are not square.

    A screen's 72 or 96 dots an inch, or no unit, give 265 µm or more and are no scale.
    """
    known = [one for one in stated if one is not None and one.x == one.x and one.y == one.y]
    plausible = [one for one in known if _is_plausible(one)]
    if not plausible:
        why = "; ".join(f"{one.source} states {one}, which no scanner has" for one in known)
        return Scale(source=why or "none")
    first, *others = plausible
    if abs(first.x - first.y) > _SQUARE * max(first.x, first.y):
        sides = f"pixels of {first.x:.4g} x {first.y:.4g} µm are not square"
        return Scale(source=f"{first.source}: {sides}")
    return Scale(
        (first.x * first.y) ** 0.5 if first.x != first.y else first.x,
        first.source,
        tuple(
            f"{first.source} states {first}, {other.source} {other}. The first is used; state "
            "the scale if it is wrong."
            for other in others
            if abs(other.x / first.x - 1) > _SAME
        ),
    )


def _is_plausible(stated: Stated) -> bool:
    low, high = PLAUSIBLE_MPP
    return low <= stated.x <= high and low <= stated.y <= high
