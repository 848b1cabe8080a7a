"""The settings of the last grid, which docks offer again."""

from __future__ import annotations

from dataclasses import dataclass

from napari_stem.defaults import Layout
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM

LAYOUTS: dict[str, Layout] = {"hexagonal": "hex", "square": "square"}


@dataclass(frozen=True, slots=True)
class GridChoice:
    """Pitch and diameter in micrometres, and a name of `LAYOUTS`; Visium's are the default."""

    pitch_um: float = PITCH_UM
    diameter_um: float = DIAMETER_UM
    grid_layout: str = "hexagonal"

    @property
    def layout(self) -> Layout:
        """The layout by its name in `make_grid`."""
        return LAYOUTS.get(self.grid_layout, "hex")
