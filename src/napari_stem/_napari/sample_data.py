"""Sample slides for File > Open Sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.types import LayerData


def generated_slide() -> list[LayerData]:
    """A generated H&E slide; the same each time, and it needs no download."""
    from napari_stem._napari.layers import slide_layer
    from napari_stem.synthetic import generate_section

    return [slide_layer(generate_section("generated", seed=7).slide).as_layer_data_tuple()]
