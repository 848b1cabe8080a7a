"""The pixels, scale and file of an image layer, from which a slide can be made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Image


@dataclass(frozen=True, slots=True, eq=False)
class LayerSource:
    """The source of an image layer.

    Attributes
    ----------
    pixels
        (h, w, 3 or 4) RGB or RGBA at full resolution.
    mpp
        Micrometres per pixel; None where the layer's unit is pixels.
    path
        The file it was read from.
    """

    name: str
    pixels: Any
    mpp: float | None
    path: Path | None

    @classmethod
    def of(cls, layer: Image) -> LayerSource:
        """The source of a layer."""
        length = layer.scale[0] * layer.units[0]
        known = length.is_compatible_with("um")
        return cls(
            name=layer.name,
            pixels=layer.data[0] if layer.multiscale else layer.data,
            mpp=float(length.to("um").magnitude) if known else None,
            path=Path(layer.source.path) if layer.source.path else None,
        )
