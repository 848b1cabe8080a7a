"""Square patches around points of a slide, at one physical size."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from PIL import Image

from napari_stem.defaults import GeometryName
from napari_stem.errors import Hint, OptionError, Remedy, WrongType
from napari_stem.events import Check
from napari_stem.workers import HEARTBEAT, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

T = TypeVar("T")
Restain: TypeAlias = "Callable[[NDArray[np.uint8]], NDArray[np.uint8]]"

VIEWS = 8
READERS = 2  # threads that read ahead of an encoder
_LEAST_SHARE = 0.5  # pixels of the scan for each pixel of a patch
_COARSEST_UM = 2.0
_GRACE = 0.5  # seconds for reading to end; from a network drive that hangs, it never does


@dataclass(frozen=True, slots=True)
class PatchGeometry:
    """The tissue that a patch covers, and its pixels.

    Attributes
    ----------
    width_um
        Width in micrometres. None is the published code's geometry: `size` pixels of level 0, or
        the spot's diameter if that is larger, at any resolution of the scan.
    size
        Pixels on a side.
    factor
        Multiple of that width; encoders that look beyond the patch widen it.
    """

    width_um: float | None = 112.0
    size: int = 224
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise OptionError(f"a patch has {self.size} pixels a side; it needs at least 1.")
        width = self.factor if self.width_um is None else self.factor * self.width_um
        if not width > 0:
            raise OptionError(f"a patch is {width:g} µm wide; its width must be positive.")

    def widened(self, factor: float) -> PatchGeometry:
        """The same number of pixels over `factor` times the width."""
        return replace(self, factor=self.factor * factor)

    def width_px(self, slide: Slide, spot_diameter_px: float) -> float:
        """Width in level-0 pixels.

        Raises
        ------
        MissingScale
            The width is physical and the slide states no micrometres per pixel.
        """
        if self.width_um is None:
            return max(self.size, spot_diameter_px) * self.factor
        return self.width_um / slide.require_mpp() * self.factor


def low_resolution(slide: Slide, geometry: PatchGeometry, spot_diameter_px: float) -> str:
    """Why a slide is too coarse for patches, as display text; "" if it is fine enough.

    Encoders were trained on patches with a pixel of the scan for each of theirs. Half of them is
    the least that still shows nuclei.
    """
    width = geometry.width_px(slide, spot_diameter_px)
    scale = f"'{slide.name}' has {slide.mpp:.3g} µm/px" if slide.mpp else f"'{slide.name}'"
    if width < geometry.size * _LEAST_SHARE:
        return f"{scale}: a patch of {geometry.size} px is made of {width:.0f} pixels of the image"
    if slide.mpp is not None and slide.mpp > _COARSEST_UM:
        return f"{scale}: coarser than {_COARSEST_UM:g} µm/px, too coarse to show nuclei"
    return ""


def check_width(slide: Slide, geometry: PatchGeometry, spot_diameter_px: float) -> None:
    """Raise `OptionError` if a patch is wider than the whole slide, as at a wrong scale."""
    width = geometry.width_px(slide, spot_diameter_px)
    if width > max(slide.width, slide.height):
        of = f" of {geometry.width_um:g} µm" if geometry.width_um else ""
        at = f" at {slide.mpp:.4g} µm/px" if geometry.width_um else ""
        raise OptionError(
            f"A patch{of} is {width:,.0f} px wide{at}, more than the whole slide '{slide.name}' "
            f"({slide.width:,} x {slide.height:,} px). Check the image and its scale.",
            hint=Hint(Remedy.SCALE, "0.5") if geometry.width_um else None,
        )


PHYSICAL = PatchGeometry()
PAPER = PatchGeometry(width_um=None)
_GEOMETRIES: Mapping[GeometryName, PatchGeometry] = {"physical": PHYSICAL, "paper": PAPER}


def as_geometry(value: PatchGeometry | str) -> PatchGeometry:
    """The tissue that a patch covers, of its name or as it is."""
    if isinstance(value, PatchGeometry):
        return value
    for name, geometry in _GEOMETRIES.items():
        if value == name:
            return geometry
    raise WrongType.of("geometry", value, '"physical", "paper" or a PatchGeometry')


def crop_patches(
    slide: Slide,
    centres: NDArray[np.float64],
    geometry: PatchGeometry,
    *,
    spot_diameter_px: float = 0.0,
    check: Check = lambda: None,
) -> NDArray[np.uint8]:
    """Square patches around points.

    Parameters
    ----------
    centres
        (n, 2) x, y in level-0 pixels. What lies outside of the slide is white.
    spot_diameter_px
        Matters to the paper's geometry alone.
    check
        Called before each patch; what it raises ends the reading.

    Returns
    -------
    (n, size, size, 3) RGB.

    Raises
    ------
    MissingScale
        The geometry is physical and the slide states no micrometres per pixel.
    """
    width = geometry.width_px(slide, spot_diameter_px)
    level = _level(slide, width / geometry.size)
    patches = np.empty((len(centres), geometry.size, geometry.size, 3), np.uint8)
    for patch, centre in zip(patches, centres, strict=True):
        check()
        patch[:] = _crop(slide, centre, width, geometry.size, level)
    return patches


def iter_patches(
    slide: Slide,
    centres: NDArray[np.float64],
    geometry: PatchGeometry,
    *,
    batch_size: int,
    readers: int = READERS,
    spot_diameter_px: float = 0.0,
    restain: Restain | None = None,
) -> Generator[tuple[slice, NDArray[np.uint8]] | None, None, None]:
    """Batches of patches, read in threads so that an encoder seldom waits.

    Closing the generator waits for the patch that each thread reads, unless that hangs.

    Parameters
    ----------
    readers
        Threads that read ahead. With 0 a batch is read when it is asked for.
    restain
        Gives patches other stains, in these threads.

    Yields
    ------
    The rows of `centres`, and their (b, size, size, 3) patches; None while they are awaited.
    """
    batches = [slice(i, i + batch_size) for i in range(0, len(centres), batch_size)]
    waiting: deque[tuple[slice, Future[NDArray[np.uint8]]]] = deque()
    pool, stop = ThreadPoolExecutor(max(readers, 1), thread_name_prefix="patches"), Event()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    def read(rows: slice) -> NDArray[np.uint8]:
        patches = crop_patches(
            slide, centres[rows], geometry, spot_diameter_px=spot_diameter_px, check=check
        )
        return patches if restain is None else restain(patches)

    try:
        for rows in batches:
            waiting.append((rows, pool.submit(read, rows)))
            if len(waiting) > readers:
                yield from _iter_first(waiting)
        while waiting:
            yield from _iter_first(waiting)
    finally:
        stop.set()
        hanging = wait([future for _, future in waiting if not future.cancel()], _GRACE).not_done
        pool.shutdown(wait=not hanging, cancel_futures=True)


def _iter_first(
    waiting: deque[tuple[slice, Future[T]]],
) -> Generator[tuple[slice, T] | None, None, None]:
    """The first of what is awaited, and None until it is there."""
    rows, future = waiting[0]
    while not wait([future], HEARTBEAT).done:
        yield None
    waiting.popleft()
    yield rows, future.result()


def dihedral(patches: NDArray[np.uint8], view: int) -> NDArray[np.uint8]:
    """One of the eight flips and turns of (n, s, s, 3) patches; 0 changes nothing.

    1 to 7: horizontal and vertical flip, turns by 90, 180 and 270 degrees, transpose and
    transverse (paper, section 3.3).
    """
    if view == 1:
        return patches[:, :, ::-1]
    if view == 2:
        return patches[:, ::-1]
    if view in (3, 4, 5):
        return np.rot90(patches, view - 2, axes=(1, 2))
    if view == 6:
        return patches.transpose(0, 2, 1, 3)
    if view == 7:
        return np.rot90(patches, 2, axes=(1, 2)).transpose(0, 2, 1, 3)
    return patches


def _level(slide: Slide, scale: float) -> int:
    """The smallest level that still has a pixel for each of the patch's."""
    fine_enough = [i for i, d in enumerate(slide.downsamples) if d <= scale * (1 + 1e-6)]
    return fine_enough[-1] if fine_enough else 0


def _crop(
    slide: Slide, centre: NDArray[np.float64], width: float, size: int, level: int
) -> NDArray[np.uint8]:
    downsample = slide.downsamples[level]
    span = width / downsample
    left, top = centre / downsample - span / 2
    # The resampling filter reaches beyond the patch; without a margin its edge would differ.
    margin = int(np.ceil(3 * max(span / size, 1))) + 1
    x, y = int(np.floor(left)) - margin, int(np.floor(top)) - margin
    side = int(np.ceil(span)) + 1 + 2 * margin
    region = Image.fromarray(slide.read_region(x, y, side, side, level))
    box = (left - x, top - y, left - x + span, top - y + span)
    return np.asarray(region.resize((size, size), Image.Resampling.LANCZOS, box=box))
