"""Plots of what a prediction is worth. Each function returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage

from napari_stem.evaluation.comparison import MODEL, Comparison
from napari_stem.evaluation.sums import LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLOURS = ("#0072B2", "#999999", "#E69F00", "#D55E00", "#CC79A7", "#009E73", "#56B4E9")


def calibration_plot(comparison: Comparison) -> Figure:
    """Left: coverage of central intervals against their level. Right: PIT of the model's draws.

    On the diagonal, intervals hold what they claim. The histogram is flat if draws are calibrated,
    a valley if they are too narrow, a hill if they are too wide.
    """
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    claimed = np.array(LEVELS) / 100
    left.plot([0.4, 1], [0.4, 1], color="black", lw=0.8)
    for (name, judged), colour in zip(comparison.methods.items(), _COLOURS, strict=False):
        covered = [judged.scores[f"coverage_{level}"] for level in LEVELS]
        left.plot(claimed, covered, "o-", color=colour, ms=4, lw=_width(name), label=name)
    left.set(xlabel="level of the interval", ylabel="share of measured values within")
    left.legend(frameon=False, fontsize=8)
    pit = comparison.methods[MODEL].pit
    edges = np.linspace(0, 1, len(pit) + 1)
    right.stairs(pit * len(pit), edges, fill=True, color=_COLOURS[0])
    right.axhline(1, color="black", lw=0.8)
    right.set(xlabel=f"PIT of {MODEL}", ylabel="density", xlim=(0, 1))
    return figure


def ceiling_plot(comparison: Comparison, baseline: str = "ridge") -> Figure:
    """Correlation of each gene against its noise ceiling; on the line it could not be better."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axis = figure.subplots()
    limits = (-0.2, 1)
    axis.plot(limits, limits, color="black", lw=0.8)
    axis.axhline(0, color="black", lw=0.4)
    for name, colour in ((baseline, _COLOURS[2]), (MODEL, _COLOURS[0])):
        pcc = comparison.methods[name].genes["pcc"]
        axis.plot(comparison.ceiling, pcc, ".", color=colour, ms=4, label=name)
    axis.set(xlabel="noise ceiling of the gene", ylabel="correlation", xlim=(0, 1), ylim=limits)
    axis.legend(frameon=False, loc="upper left")
    return figure


def gene_matrix_plot(matrices: Mapping[str, NDArray[np.float32]]) -> Figure:
    """Gene-gene correlations of measured values and of one draw of each method, side by side.

    Genes are in the order in which the measured ones cluster.
    """
    figure = Figure(figsize=(3.2 * len(matrices) + 0.6, 3.2), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(matrices)))
    order = _clustered(next(iter(matrices.values())))
    for axis, (name, matrix) in zip(axes, matrices.items(), strict=True):
        image = axis.imshow(matrix[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1)
        axis.set(title=name, xticks=[], yticks=[])
    figure.colorbar(image, ax=list(axes), shrink=0.8, label="correlation over spots")
    return figure


def _clustered(matrix: NDArray[np.float32]) -> NDArray[np.intp]:
    """The order of genes in which similar ones are neighbours."""
    if len(matrix) < 3:
        return np.arange(len(matrix))
    apart = 1 - np.asarray(matrix, np.float64)[np.triu_indices(len(matrix), 1)]
    order: NDArray[np.intp] = leaves_list(linkage(np.maximum(apart, 0), "average"))
    return order


def _width(method: str) -> float:
    return 2.0 if method == MODEL else 1.0
