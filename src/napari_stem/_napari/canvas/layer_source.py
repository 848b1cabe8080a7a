"""The pixels, scale and file of an image layer, from which a slide can be made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image

_SQUARE = 0.01  # share by which height and width of a pixel may differ
_STILL = 0.5  # pixels by which a layer may be moved: napari and scanners count them differently


@dataclass(frozen=True, slots=True, eq=False)
class LayerSource:
    """The source of an image layer.

    Attributes
    ----------
    levels
        (h, w, 3 or 4) RGB or RGBA, full resolution first; they may read what is sliced.
    mpp
        Micrometres per pixel; None where the layer's unit is pixels.
    path
        The file it was read from.
    moved
        How the layer lies elsewhere than a slide would, as display text; "" if it does not.
    """

    name: str
    levels: tuple[Any, ...]
    mpp: float | None
    path: Path | None
    moved: str = ""

    @classmethod
    def of(cls, layer: Image) -> LayerSource:
        """The source of a layer."""
        length = layer.scale[0] * layer.units[0]
        known = length.is_compatible_with("um")
        return cls(
            name=layer.name,
            levels=tuple(layer.data) if layer.multiscale else (layer.data,),
            mpp=float(length.to("um").magnitude) if known else None,
            path=Path(layer.source.path) if layer.source.path else None,
            moved=_moved(layer),
        )


def _moved(layer: Image) -> str:
    rows, columns = layer.scale
    if not np.allclose(layer.rotate, np.eye(2)):
        return "is rotated"
    if np.any(layer.shear) or not np.allclose(layer.affine.affine_matrix, np.eye(3)):
        return "is registered to another image by an affine transformation"
    if np.any(np.abs(layer.translate) > _STILL * np.abs(layer.scale)):
        return "is moved"
    if abs(rows - columns) > _SQUARE * columns:
        return "has pixels that are not square"
    return ""
