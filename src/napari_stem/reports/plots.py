"""Plots of predictions. Each function returns a matplotlib figure and touches no global state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import EllipseCollection
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from napari_stem.analysis.labels import Clusters
from napari_stem.prediction.statistics import colour_limits
from napari_stem.spots.provenance import provenance
from napari_stem.spots.table import library, positions, spot_diameter

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

COLORMAP = "viridis"
_NO_CLUSTER = "white"


def gene_maps(prediction: AnnData, genes: Sequence[str]) -> Figure:
    """One row per gene: measured (if known), predicted mean and standard deviation."""
    titles = {"truth": "measured", "mean": "predicted", "std": "standard deviation"}
    rows = [name for name in titles if _has(prediction, name)]
    figure = Figure(figsize=(3.4 * len(rows), 3.1 * len(genes)), layout="constrained")
    axes = np.atleast_2d(figure.subplots(len(genes), len(rows), squeeze=False))
    for gene, line in zip(genes, axes, strict=True):
        values = {name: _values(prediction, name, gene) for name in rows}
        shared = [v for name, v in values.items() if name != "std"]
        limits = colour_limits(shared)
        for axis, (name, value) in zip(line, values.items(), strict=True):
            spread = name == "std"
            drawn = draw_spots(
                axis, prediction, value, limits=None if spread else limits,
                colormap="magma" if spread else COLORMAP,
            )  # fmt: skip
            bar = figure.colorbar(drawn, ax=axis, shrink=0.8)
            bar.set_label(unit(prediction), parse_math=False)
            axis.set_title(f"{gene}, {titles[name]}", fontsize=10, parse_math=False)
    scale_bar(axes[-1, 0], prediction)
    return figure


def cluster_map(prediction: AnnData) -> Figure:
    """Clusters over the slide, with a legend."""
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    axis = figure.subplots()
    clusters = Clusters.of_prediction(prediction)
    colours = np.array([to_rgb(colour) for colour in (_NO_CLUSTER, *clusters.colours)])
    draw_spots(axis, prediction, colours[clusters.numbers])
    handles = [
        Patch(color=colour, label=title)
        for colour, title in zip(clusters.colours, clusters.titles, strict=True)
    ]
    legend = axis.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    scale_bar(axis, prediction)
    return figure


def variation_curve(prediction: AnnData) -> Figure:
    """Variance of each gene over spots, ordered by the measured one: line and dots (paper, fig. 3).

    Points below the line are genes whose predictions vary too little.
    """
    truth, mean = np.asarray(prediction.layers["truth"]), np.asarray(prediction.X)
    order = np.argsort(truth.var(axis=0))
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(truth.var(axis=0)[order], color="black", label="measured")
    axis.plot(mean.var(axis=0)[order], ".", color="#0072B2", ms=4, label="predicted")
    axis.set(xlabel="genes by measured variance", ylabel="variance over spots")
    axis.legend(frameon=False)
    return figure


def draw_spots(
    axis: Axes,
    prediction: AnnData,
    values: ArrayLike,
    *,
    limits: tuple[float, float] | None = None,
    colormap: str = COLORMAP,
) -> EllipseCollection:
    """Spots at their true size over the slide's thumbnail; values are numbers or RGB rows."""
    values = np.asarray(values, dtype=float)
    entry = prediction.uns["spatial"][library(prediction)]
    if "images" in entry:
        scale, image = entry["scalefactors"]["tissue_hires_scalef"], entry["images"]["hires"]
        axis.imshow(image, extent=(0, image.shape[1] / scale, image.shape[0] / scale, 0))
    size = np.full(len(values), spot_diameter(prediction))
    drawn = EllipseCollection(
        size, size, np.zeros_like(size), units="xy", offsets=positions(prediction),
        offset_transform=axis.transData, linewidths=0,
    )  # fmt: skip
    if values.ndim == 2:
        drawn.set_facecolor([tuple(colour) for colour in values])
    else:
        drawn.set_array(values)
        drawn.set_cmap(colormaps[colormap])
        low, high = limits or (values.min(), values.max())
        drawn.set_norm(Normalize(low, high if high > low else low + 1))
    axis.add_collection(drawn)
    xy, margin = positions(prediction), 2 * spot_diameter(prediction)
    axis.set_xlim(xy[:, 0].min() - margin, xy[:, 0].max() + margin)
    axis.set_ylim(xy[:, 1].max() + margin, xy[:, 1].min() - margin)
    axis.set_axis_off()
    return drawn


def scale_bar(axis: Axes, prediction: AnnData) -> None:
    """A bar of a round length in micrometres, where the scale is known."""
    mpp = float(provenance(prediction).get("mpp", 0))
    if not mpp:
        return
    left, right = axis.get_xlim()
    bottom, top = axis.get_ylim()
    length = 10 ** np.floor(np.log10((right - left) * mpp / 2))
    x, y = left + 0.04 * (right - left), bottom + 0.03 * (top - bottom)
    axis.plot([x, x + length / mpp], [y, y], color="black", lw=3, solid_capstyle="butt")
    axis.annotate(f"{length:.0f} µm", (x, y), (0, 4), textcoords="offset points", fontsize=8)


def unit(prediction: AnnData) -> str:
    """What the numbers of a prediction are."""
    return str(provenance(prediction, "unit")["unit"])


def _has(prediction: AnnData, name: str) -> bool:
    return name == "mean" or name in prediction.layers


def _values(prediction: AnnData, name: str, gene: str) -> NDArray[np.float64]:
    matrix = prediction.X if name == "mean" else prediction.layers[name]
    return np.asarray(matrix[:, prediction.var_names.get_loc(gene)], dtype=float)
