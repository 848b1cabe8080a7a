"""Haematoxylin and eosin of a slide, and patches as if they had been stained like others.

How strong and in which hues a laboratory stains is not of the tissue. Optical densities are split
into the two stains of the slide (Macenko et al., ISBI 2009) and put together again from those of a
usual one; what is neither stays. Both depend on the slide alone, so that a click, a region and the
whole slide agree.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from torchstain.numpy.normalizers import NumpyMacenkoNormalizer

from napari_stem.features.patches import iter_patches

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    from numpy.typing import NDArray

    from napari_stem.features.patches import PatchGeometry
    from napari_stem.slides.slide import Slide

Stains: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float]]

USUAL: Stains = ((2.37, 1.91, 1.03), (0.56, 1.05, 0.61))  # means of HER2ST's sections C2 to C5

_WHITE = 256
_DENSITY = -np.log((np.arange(256, dtype=np.float32) + 1) / _WHITE)
_GLASS = 0.15  # density of all colours below which a pixel is hardly stained (Macenko's beta)
_PLACES, _SIDE = 32, 32  # places a side of the slide that are looked at, and pixels a side of each
_LEAST = 2_000  # stained pixels that tell of the slide's stains
_ALIKE = 0.1  # sine of the angle between stains that are one
_BATCH = 64


def find_stains(pixels: NDArray[np.uint8]) -> Stains | None:
    """Densities of haematoxylin and eosin where tissue is darkest; None if pixels do not tell.

    Parameters
    ----------
    pixels
        (n, 3) RGB; glass among them does not count.
    """
    stained = pixels[_DENSITY[pixels].min(axis=1) >= _GLASS]
    if len(stained) < _LEAST:
        return None
    normalizer = NumpyMacenkoNormalizer()
    normalizer.fit(stained, Io=_WHITE, beta=_GLASS)
    first, second = (normalizer.HERef * normalizer.maxCRef).T
    area = np.linalg.norm(np.cross(first, second))
    if not area > _ALIKE * np.linalg.norm(first) * np.linalg.norm(second):
        return None
    return tuple(first.tolist()), tuple(second.tolist())


def restained(patches: NDArray[np.uint8], stains: Stains, others: Stains) -> NDArray[np.uint8]:
    """Patches (n, h, w, 3) with the same amounts of other stains."""
    mixture = (np.linalg.inv(_with_rest(stains)) @ _with_rest(others)).astype(np.float32)
    made = np.empty_like(patches)
    for patch, target in zip(patches, made, strict=True):
        densities = _DENSITY[patch] @ mixture
        target[:] = np.clip(_WHITE * np.exp(-densities) - 0.5, 0, 255)
    return made


class Restaining:
    """Turns patches of a slide into other stains.

    Parameters
    ----------
    geometry
        Of the patches, at whose resolution pixels all over the slide tell its stains.
    wanted
        The stains that patches get.
    known
        Stains of slides that were found before, to which those of this one are added.
    """

    def __init__(
        self,
        slide: Slide,
        geometry: PatchGeometry,
        diameter_px: float,
        wanted: Stains,
        known: dict[Hashable, Stains],
    ) -> None:
        self._slide = slide
        self._diameter = diameter_px
        self.wanted = wanted
        self._geometry = replace(
            geometry, size=_SIDE, factor=geometry.factor * _SIDE / geometry.size
        )
        self._known = known
        self._key = slide.fingerprint, slide.mpp, self._geometry

    def iter_found(self) -> Generator[None, None, None]:
        """Look for the slide's stains, once; yields while pixels are read."""
        if self._key in self._known:
            return
        side = (np.arange(_PLACES) + 0.5) / _PLACES
        x, y = np.meshgrid(side * self._slide.width, side * self._slide.height)
        reading = iter_patches(
            self._slide, np.column_stack([x.ravel(), y.ravel()]), self._geometry,
            batch_size=_BATCH, spot_diameter_px=self._diameter,
        )  # fmt: skip
        parts = []
        with closing(reading):
            for read in reading:
                yield
                if read is not None:
                    parts.append(read[1].reshape(-1, 3))
        self._known[self._key] = find_stains(np.concatenate(parts)) or self.wanted

    def __call__(self, patches: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Patches (n, h, w, 3) in the wanted stains, or as they are if the slide's are unclear."""
        stains = self._known[self._key]
        return patches if stains == self.wanted else restained(patches, stains, self.wanted)


def _with_rest(stains: Stains) -> NDArray[np.float64]:
    """(3, 3) two stains and what is neither."""
    rest = np.cross(*stains)
    return np.vstack([stains, rest / np.linalg.norm(rest)])
