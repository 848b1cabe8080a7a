"""Two witnesses for every place: scale, size, extent and tissue agree, or the answer is a refusal.

Functions of numbers alone. What agrees, or what one witness alone states, is returned as notes for
the user; what contradicts itself raises `SpotsContradictSlide`, which names both numbers and hints
at the option that decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import Hint, Remedy, SpotsContradictSlide
from napari_stem.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

Size = tuple[float, float]
"""Width and height in pixels."""

_SAME_SCALE = 0.15  # by which printed arrays and scanners differ; a wrong image, by half or more
_SAME_SIZE = 0.01  # by which an image may differ from the one that was measured, beside rounding
_LONGEST_MM = 160.0  # side of the largest glass slides
_CLOSEST_UM, _CLOSEST_PX = 1.0, 1.5  # below the bins of any array; places in an array are 1 apart
_FEW = 0.05  # of the spots, that may lie beyond the image
_FEW_SPOTS = 2
_MOSTLY = 0.8  # of the spots; fewer on tissue are worth a note
_HARDLY = 0.5  # of the spots; fewer on tissue are a contradiction
_CLEARLY = 0.9  # of the spots, on tissue in another arrangement
_BETTER = 0.1  # by which another arrangement must surpass the given one
_OTHER_UNIT = 1.5  # from which on a factor is one between units
_MARGIN = 0.12  # of the tissue's sides, by which spots in the right unit may fall short of it
_FEWEST = 12  # spots that make an arrangement
# Axes swapped, then mirrored from left to right, then from top to bottom.
_ARRANGED = {
    (False, False, False): "",
    (False, True, False): "mirrored from left to right",
    (False, False, True): "mirrored from top to bottom",
    (False, True, True): "turned by 180 degrees",
    (True, False, False): "with x and y swapped",
    (True, True, False): "turned by 90 degrees clockwise",
    (True, False, True): "turned by 90 degrees counterclockwise",
    (True, True, True): "with x and y swapped and turned by 180 degrees",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A scale in micrometres per pixel, and who states it, as display text."""

    mpp: float
    by: str


def agreed_scale(claims: Sequence[Claim], name: str, *, decided: bool = False) -> tuple[Claim, str]:
    """The first of the claims, if the others agree with it.

    Parameters
    ----------
    claims
        At least one, the surest first.
    name
        Of the slide, for messages.
    decided
        Whether the user gave the first one, so that a contradiction is only noted.

    Raises
    ------
    SpotsContradictSlide
        Two claims differ by more than arrays and scanners do.
    """
    first, *others = claims
    if not others:
        return first, f"scale {first.mpp:.4g} µm/px by {first.by} alone"
    worst = max(others, key=lambda claim: abs(np.log(claim.mpp / first.mpp)))
    differ = max(worst.mpp, first.mpp) / min(worst.mpp, first.mpp) - 1
    both = f"{first.mpp:.4g} µm/px by {first.by}, {worst.mpp:.4g} µm/px by {worst.by}"
    if differ <= _SAME_SCALE:
        return first, f"scales agree within {100 * differ:.2g} %: {both}"
    if decided:
        return first, f"scales contradict each other: {both}; the first one is used"
    raise SpotsContradictSlide(
        f"The scales of '{name}' contradict each other: {both}. Choose the image in whose pixels "
        "the spots are given, or give the scale that is right.",
        hint=Hint(Remedy.SCALE, f"{first.mpp:.4g} or {worst.mpp:.4g}"),
    )


def check_extent(claim: Claim, size: Size, name: str) -> None:
    """Raise `SpotsContradictSlide` if an image would be larger than any slide at a scale."""
    longest = claim.mpp * max(size) / 1e3
    if longest > _LONGEST_MM:
        raise SpotsContradictSlide(
            f"'{name}' is {max(size):,.0f} px long; at {claim.mpp:.4g} µm/px by {claim.by} it "
            f"would measure {longest:,.0f} mm, more than any slide. The spots are probably given "
            "in pixels of a smaller image, or in micrometres.",
            hint=Hint(Remedy.SCALE, "0.5"),
        )


def check_pitch(pitch_px: float, mpp: float | None, name: str) -> None:
    """Raise `SpotsContradictSlide` if spots are closer together than those of any array.

    Parameters
    ----------
    pitch_px
        Distance between neighbouring spots.
    mpp
        Micrometres per pixel; None if it is unknown.
    """
    close = pitch_px * mpp < _CLOSEST_UM if mpp else pitch_px < _CLOSEST_PX
    if pitch_px > 0 and close:
        scale = f" ({pitch_px * mpp:.3g} µm)" if mpp else ""
        raise SpotsContradictSlide(
            f"The spots lie {pitch_px:.3g} px{scale} apart on '{name}', closer than those of any "
            "array. Their coordinates are probably places in the array, or in another unit than "
            "pixels of this image.",
            hint=Hint(Remedy.TRUST),
        )


def reduction(full: Size, factors: dict[str, float], size: Size) -> tuple[str, float] | None:
    """The scale factor, by name, whose picture has this size; None if none or several have.

    Parameters
    ----------
    full
        Size of the image in whose pixels the spots are given.
    factors
        Pixels of smaller pictures per pixel of that image.
    size
        Of the picture in question.
    """
    fits = {
        name: factor
        for name, factor in factors.items()
        if factor < 1
        and all(
            abs(side * factor - here) <= 2 + _SAME_SIZE * here
            for side, here in zip(full, size, strict=True)
        )
    }
    return next(iter(fits.items())) if len(set(fits.values())) == 1 else None


def check_size(expected: Size, rounding: float, size: Size, name: str) -> str:
    """Compare an image with the size of the one in whose pixels the spots are given.

    Parameters
    ----------
    expected
        Size that pictures of the slide and their scale factors imply.
    rounding
        Pixels by which that may be off.

    Raises
    ------
    SpotsContradictSlide
        It is a smaller, larger, turned or different image.
    """
    if _alike(expected, size, rounding):
        return "image size agrees with the scale factors of the spots"
    wide, high = size[0] / expected[0], size[1] / expected[1]
    if abs(wide / high - 1) < 2 * _SAME_SIZE + rounding / min(expected):
        differs = f"is {wide:.3g} times as large"
    elif _alike(expected[::-1], size, rounding):
        differs = "is turned by 90 degrees"
    else:
        differs = "has another shape"
    raise SpotsContradictSlide(
        f"'{name}' has {_px(size)}; by their scale factors, the spots are given in pixels of an "
        f"image of {_px(expected)}. This one {differs}. Choose the full-resolution image of "
        "these spots.",
        hint=Hint(Remedy.TRUST),
    )


def inside(xy: NDArray[np.float64], size: Size) -> NDArray[np.bool_]:
    """(n,) whether points (n, 2) lie on an image."""
    return np.asarray(((xy >= 0) & (xy <= size)).all(axis=1))


def are_few(outside: int, n: int) -> bool:
    """Whether so many of `n` spots beyond the image can be left out: the others are in place."""
    return outside <= max(_FEW_SPOTS, _FEW * n) and 2 * outside < n


def left_out(outside: int, n: int) -> str:
    """The note that spots beyond the image were left out."""
    return f"{outside:,} of {counted(n, 'spot')} lie outside the slide and are left out"


def arrangements(xy: NDArray[np.float64], size: Size) -> dict[str, NDArray[np.float64]]:
    """Places (n, 2) of the spots if their array were mirrored, turned or its axes swapped.

    The first entry, named "", are the places themselves.
    """
    found = {}
    for swapped in (False, True):
        places = xy[:, ::-1] if swapped else xy
        for x in (False, True):
            for y in (False, True):
                found[_ARRANGED[swapped, x, y]] = np.where([x, y], size - places, places)
    return found


def judge_tissue(shares: Mapping[str, float], n: int, name: str, *, measured: bool) -> str:
    """Judge where spots lie by the share that is on detected tissue.

    Parameters
    ----------
    shares
        Share of the spots on tissue by arrangement, the given one named "".
    n
        Number of spots.
    measured
        Whether expression was measured at the spots, so that there must be tissue.

    Raises
    ------
    SpotsContradictSlide
        Measured spots lie on glass, or another arrangement puts them on tissue.
    """
    here = shares[""]
    best = max(shares, key=lambda arrangement: shares[arrangement])
    told = f"{100 * here:.0f} % of the spots lie on detected tissue"
    found = f"{100 * here:.0f} % of the {n:,} spots lie on tissue that is detected on '{name}'"
    # Spots that measured nothing may be meant to lie on glass.
    enough = shares[best] - here >= (_BETTER if measured else _HARDLY)
    if n >= _FEWEST and shares[best] >= _CLEARLY and enough:
        raise SpotsContradictSlide(
            f"Only {found}, but {100 * shares[best]:.0f} % would if they were {best}. Check "
            "the order of the coordinates, and that this is the image of the spots.",
            hint=Hint(Remedy.TRUST),
        )
    if n >= _FEWEST and measured and here < _HARDLY:
        raise SpotsContradictSlide(
            f"Only {found}; at least {100 * _HARDLY:.0f} % are expected. Check that this is the "
            "image in whose pixels the spots are given, and its scale.",
            hint=Hint(Remedy.TRUST),
        )
    return told if here >= _MOSTLY or not measured else f"only {told}; look where they are"


def check_unit(
    xy: NDArray[np.float64],
    factors: Mapping[str, float],
    tissue: tuple[NDArray[np.float64], NDArray[np.float64]],
    name: str,
) -> None:
    """Raise `SpotsContradictSlide` if spots would cover the tissue exactly in another unit.

    Parameters
    ----------
    xy
        (n, 2) places of measured spots.
    factors
        Pixels per unit, by what the coordinates would then be, as display text.
    tissue
        Lowest and highest x, y of the detected tissue.
    """
    low, high = tissue
    near = _MARGIN * (high - low)
    for unit, factor in factors.items():
        first, last = xy.min(axis=0) * factor, xy.max(axis=0) * factor
        fits = (abs(first - low) <= near).all() and (abs(last - high) <= near).all()
        if len(xy) >= _FEWEST and factor > _OTHER_UNIT and fits:
            raise SpotsContradictSlide(
                f"The {len(xy):,} spots lie in a part of the tissue that is detected on '{name}', "
                f"but would cover all of it if they were {unit}. Give them in pixels of this "
                "image.",
                hint=Hint(Remedy.TRUST),
            )


def _alike(expected: Size, size: Size, rounding: float) -> bool:
    return all(abs(a - b) <= rounding + _SAME_SIZE * a for a, b in zip(expected, size, strict=True))


def _px(size: Size) -> str:
    return f"{size[0]:,.0f} x {size[1]:,.0f} px"
