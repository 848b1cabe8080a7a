"""Spots as discs of Labels layers: clusters, groups, kinds of an annotation, selected spots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_stem._napari.canvas import layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_stem._napari.state.cluster_view import ClusterView
    from napari_stem.analysis.labels import Clusters
    from napari_stem.slides.slide import Slide
    from napari_stem.spots.raster import SpotRaster

_DIM = "38"  # opacity as a byte
_SELECTED = "#00FFFF"
_RING = 4  # raster pixels, the width of the ring around a selected spot


def labels_layer(role: str, slide: Slide) -> Labels:
    """An empty Labels layer; a pixel holds the number of its spot's label."""
    return Labels(
        np.zeros((1, 1), np.uint8),
        name=layers.NAMES.get(role),
        metadata=layers.tag(role, slide),
        **layers.placement(slide),
    )


def selection_layer(slide: Slide) -> Labels:
    """An empty layer of rings around selected spots."""
    layer = labels_layer("selection", slide)
    layer.contour = _RING
    layer.opacity = 1
    layer.colormap = DirectLabelColormap(color_dict={None: "transparent", 1: _SELECTED})
    return layer


def show_labels(
    layer: Labels,
    slide: Slide,
    raster: SpotRaster,
    labels: Clusters,
    view: ClusterView,
    *,
    what: str,
) -> None:
    """Replace labels with their colours and names; the status bar shows the names.

    `what` is a label: "cluster", for example.
    """
    smallest = np.min_scalar_type(len(labels.names))  # napari tabulates each possible number
    layer.data = raster.paint(labels.numbers.astype(smallest), 0)
    layer.features = {
        "index": range(1, len(labels.names) + 1),
        what: labels.titles,
        "spots": labels.sizes,
    }
    layer.colormap = _colours(labels, view)
    layers.place(layer, slide, raster)


def show_mask(layer: Labels, slide: Slide, raster: SpotRaster, spots: NDArray[np.bool_]) -> None:
    """Replace the spots (n,) whose discs hold the label 1."""
    layer.data = raster.paint(spots.astype(np.uint8), 0)
    layers.place(layer, slide, raster)
    layers.update(layer, visible=True)


def cluster_at(stack: Iterable[Layer], slide: Slide | None, position: Sequence[float]) -> int:
    """The number of the cluster at a world position; 0 if there is none."""
    for layer in stack:
        if slide is not None and layers.is_layer_of(layer, "clusters", slide):
            row, column = np.round(layer.world_to_data(position)[-2:]).astype(int)
            height, width = layer.data.shape
            if 0 <= row < height and 0 <= column < width:
                return int(layer.data[row, column])
    return 0


def _colours(labels: Clusters, view: ClusterView) -> DirectLabelColormap:
    """Colours by number: hidden ones are transparent; a selection dims all others."""
    table: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    for number, colour in enumerate(labels.colours, start=1):
        dim = view.selected and number not in view.selected
        table[number] = f"{colour}{_DIM}" if dim else colour
        if number in view.hidden:
            table[number] = "transparent"
    return DirectLabelColormap(color_dict=table)
