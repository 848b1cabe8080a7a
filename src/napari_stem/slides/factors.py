"""By how much the levels of a slide are reduced: what sizes tell, and where they do not, pixels.

Some scanners pad levels to whole tiles. A level of 768 x 512 px then is half of 1,300 x 1,000 px,
with padding, and not 1.69 times smaller. Where sizes allow several factors, or none exactly, a few
pieces of the level are compared with the finer one at each. Where sizes allow one, a few areas tell
whether the level shows the same tissue in the same place at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product
from math import ceil
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from napari_stem.slides.pyramid import Level, Sliced, averaged, downsample

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALIKE = 0.02  # by which the two sides of a level may differ in how far they are reduced
_AGREES = 0.5  # correlation of pieces from which on two levels show the same; others are below 0.3
_PIECE = 64  # pixels of a side
_PIECES = 5  # with most contrast, of a grid of
_GRID = 12  # rows and columns
_NO_TILE = 255  # all that a level shows where its file lacks tiles
_SEEN = 0.25  # share of an area that must be there to be compared
_PLAIN = 3.0  # SD of grey below which a piece shows nothing
_DIFFERS = 0.7  # correlation of areas below which levels differ; mirrored tissue has up to 0.5
_AREA, _CELLS = 128, 32  # pixels of a side of an area, and means that it is compared by
_AREAS = 9  # that are not plain, of at most
_MOST_TRIED = 24
_READ_WHOLE = 4_000_000  # pixels of a level
_MOST_PADDED = 4  # times the sides of what is shown


Place: TypeAlias = tuple[float, float]
"""Row and column of level 0."""


class Stored(NamedTuple):
    """A level of a file, and the rows and columns of its tiles, to which it may be padded."""

    level: Level
    tile: tuple[int, int] = (1, 1)


class Fitted(NamedTuple):
    """A level without padding: its number in the file, and level-0 pixels per pixel."""

    number: int
    level: Level
    down: float


def fit_levels(stored: Sequence[Stored]) -> tuple[list[Fitted], tuple[str, ...]]:
    """Levels without padding, each smaller than the one before, and notes of what was found.

    Levels that show something else than level 0 are left out.
    """
    full = stored[0].level
    fitted, notes = [Fitted(0, full, 1.0)], []
    places = _places(full, stored[-1].level) if len(stored) > 1 else []
    for number, one in enumerate(stored[1:], start=1):
        level, before = one.level, fitted[-1]
        if not _is_smaller(level, stored[before.number].level):
            continue
        size = f"{level.shape[1]:,} x {level.shape[0]:,} px"
        down = _factor(full, one, before, places)
        if down is None:
            notes.append(f"A level of {size} does not show the same as level 0 and is not used.")
            continue
        cropped = _without_padding(full, level, down)
        if cropped is not level:
            notes.append(f"A level of {size} is padded; its pixels are reduced {down:g} times.")
        fitted.append(Fitted(number, cropped, down))
    return fitted, tuple(notes)


def _is_smaller(level: Level, before: Level) -> bool:
    shapes = list(zip(level.shape[:2], before.shape[:2], strict=True))
    return all(a <= b for a, b in shapes) and max(level.shape[:2]) < max(before.shape[:2])


def _factor(full: Level, one: Stored, before: Fitted, places: Sequence[Place]) -> float | None:
    """Level-0 pixels per pixel of a level; None if it does not show the same."""
    ratio = _ratio(full, one.level)
    padded = _padded(full, one)
    if ratio is not None and (
        (ratio.is_integer() and padded in ([], [ratio]))
        or (not padded and _rounds_alike(full, one.level))
    ):
        return ratio if _shows_same(before, one.level, ratio, places) else None
    candidates = sorted({*padded, *([] if ratio is None else [ratio])})
    if not candidates:
        return None
    scores = _agreement(before, one.level, candidates)
    if scores is None:  # nothing is to be seen in the level
        is_exact = ratio is not None and ratio.is_integer()
        return ratio if is_exact or not padded else padded[0]
    best = int(np.argmax(scores))
    return candidates[best] if scores[best] >= _AGREES else None


def _ratio(full: Level, level: Level) -> float | None:
    """The ratio of sizes; None where the two sides differ in it by more than rounding."""
    down = [a / b for a, b in zip(full.shape[:2], level.shape[:2], strict=True)]
    rounding = 1 / min(level.shape[:2])
    if abs(down[0] / down[1] - 1) > _ALIKE + rounding:
        return None
    return downsample(full.shape, level.shape)


def _rounds_alike(full: Level, level: Level) -> bool:
    """Whether one ratio makes both sides of a level, but for a pixel."""
    low, high = 0.0, float("inf")
    for a, b in zip(full.shape[:2], level.shape[:2], strict=True):
        low, high = max(low, a / (b + 1)), min(high, a / max(b - 1, 0.5))
    return low <= high


def _padded(full: Level, one: Stored) -> list[float]:
    """The powers of two that, padded to whole tiles, make a level's size."""
    sides = list(zip(full.shape[:2], one.level.shape[:2], one.tile, strict=True))
    most = _MOST_PADDED * max(a / b for a, b, _ in sides)
    found, down = [], 2
    while down <= most:
        if all(b in (_whole(a // down, tile), _whole(-(-a // down), tile)) for a, b, tile in sides):
            found.append(float(down))
        down *= 2
    return found


def _whole(side: int, tile: int) -> int:
    return -(-max(side, 1) // tile) * tile


def _agreement(before: Fitted, level: Level, candidates: Sequence[float]) -> list[float] | None:
    """How well pieces of a level agree with the finer one, for each factor; None without any."""
    down = before.down
    seen = [ceil(side * down / candidates[-1]) for side in before.level.shape[:2]]
    pieces = _pieces(level, min(seen[0], level.shape[0]), min(seen[1], level.shape[1]))
    if not pieces:
        return None
    return [
        float(np.median([_correlation(before.level, piece, one / down) for piece in pieces]))
        for one in candidates
    ]


def _places(full: Level, coarsest: Level) -> list[Place]:
    """Places of level 0 around which there is most to be seen, as the coarsest level shows."""
    cells = [(row, column) for row in range(_GRID) for column in range(_GRID)]
    height, width = coarsest.shape[:2]
    if height * width <= _READ_WHOLE:
        grey = _grey(coarsest[:, :])
        rows, columns = (np.linspace(0, side, _GRID + 1).astype(int) for side in (height, width))

        def plainness(cell: tuple[int, int]) -> float:
            (top, bottom), (left, right) = rows[cell[0] :][:2], columns[cell[1] :][:2]
            part = grey[top:bottom, left:right]
            return -float(part.std()) if part.size else 0.0

        cells.sort(key=plainness)
    else:  # it is one of few levels: spread over the slide
        cells = cells[:: len(cells) // _MOST_TRIED]
    tall, wide = full.shape[0] / _GRID, full.shape[1] / _GRID
    return [((row + 0.5) * tall, (column + 0.5) * wide) for row, column in cells[:_MOST_TRIED]]


def _shows_same(before: Fitted, level: Level, down: float, places: Sequence[Place]) -> bool:
    """Whether a level shows what the finer one does; also if there is nothing to be seen in it."""
    found = (_likeness(before, level, down, place) for place in places)
    told = list(islice((one for one in found if one is not None), _AREAS))
    return not told or float(np.median(told)) >= _DIFFERS


def _likeness(before: Fitted, level: Level, down: float, place: Place) -> float | None:
    """Correlation of an area of a level with that of the finer one; None if one shows nothing.

    Areas are averaged, so that a shift of a few pixels between levels does not matter.
    """
    height, width = level.shape[:2]
    side = min(_AREA, height, width)
    top, left = (
        int(max(0, min(at / down - side / 2, end - side)))
        for at, end in zip(place, (height, width), strict=True)
    )
    step, size = down / before.down, (min(_CELLS, side),) * 2
    rows, columns = before.level.shape[:2]
    box = (left, top, left + side, top + side)
    ends = (columns, rows, columns, rows)
    finer = [min(at * step, end) for at, end in zip(box, ends, strict=True)]
    try:
        here = _grey(averaged(level, box, size))
        there = _grey(averaged(before.level, (finer[0], finer[1], finer[2], finer[3]), size))
    except Exception:  # noqa: BLE001  # decoders raise any; whoever reads this place is told
        return None
    stored = there < _NO_TILE
    here, there = here[stored], there[stored]
    if stored.mean() < _SEEN or here.std() <= _PLAIN:
        return None
    return 0.0 if there.std() <= _PLAIN else float(np.corrcoef(here, there)[0, 1])


class _Piece(NamedTuple):
    grey: NDArray[np.float64]
    y: int
    x: int


def _pieces(level: Level, height: int, width: int) -> list[_Piece]:
    """The pieces of a level with most contrast."""
    side = min(_PIECE, height, width)
    grid = (
        np.unique(np.linspace(0, end - side, min(_GRID, -(-end // side))).astype(int))
        for end in (height, width)
    )
    found = [_Piece(_grey(level[y : y + side, x : x + side]), y, x) for y, x in product(*grid)]
    found = [piece for piece in found if piece.grey.std() > _PLAIN]
    return sorted(found, key=lambda piece: -piece.grey.std())[:_PIECES]


def _correlation(finer: Level, piece: _Piece, down: float) -> float:
    """Of a piece with what the finer level shows in its place; 0 where it has none."""
    side = len(piece.grey)
    top, left = piece.y * down, piece.x * down
    bottom, right = min(top + side * down, finer.shape[0]), min(left + side * down, finer.shape[1])
    if bottom - top < side * down / 2 or right - left < side * down / 2:
        return 0.0
    size = round((right - left) / down), round((bottom - top) / down)
    grey = _grey(averaged(finer, (left, top, right, bottom), size))
    part = piece.grey[: size[1], : size[0]]
    if grey.std() < _PLAIN or part.std() < _PLAIN:
        return 0.0
    return float(np.corrcoef(grey.ravel(), part.ravel())[0, 1])


def _grey(pixels: object) -> NDArray[np.float64]:
    grey: NDArray[np.float64] = np.asarray(pixels, float).mean(axis=2)
    return grey


def _without_padding(full: Level, level: Level, down: float) -> Level:
    """A level without what lies beyond the border of level 0."""
    height, width = (
        min(b, ceil(a / down)) for a, b in zip(full.shape[:2], level.shape[:2], strict=True)
    )
    return level if (height, width) == level.shape[:2] else Cropped(level, height, width)


class Cropped(Sliced):
    """The upper left part of a level."""

    def __init__(self, level: Level, height: int, width: int) -> None:
        super().__init__(height, width)
        self._level = level

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """A rectangle within it."""
        return np.asarray(self._level[top:bottom, left:right])
