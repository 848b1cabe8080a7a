"""A part of a spot table or a prediction: some genes, and the spots inside of a region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import PanelError, SpotsError
from napari_stem.spots.polygons import inside
from napari_stem.spots.regions import as_polygons
from napari_stem.spots.table import positions
from napari_stem.text import a_few, counted

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.spots.regions import RegionLike


def select(
    prediction: AnnData, *, genes: Sequence[str] = (), region: RegionLike | None = None
) -> AnnData:
    """A copy of a prediction, of all or of a part; a part no longer finds its draws.

    Parameters
    ----------
    genes
        In the order in which they are wanted; none takes all.
    region
        What `regions.as_polygons` takes; None takes all spots. A spot belongs to the region if
        its centre lies in it.

    Raises
    ------
    PanelError
        The prediction lacks a gene.
    OptionError
        The region is not valid.
    SpotsError
        No spot lies in the region.
    """
    check_genes(prediction, genes)
    chosen = np.full(prediction.n_obs, True)
    if region is not None:
        chosen = inside(positions(prediction), as_polygons(region))
    if not chosen.any():
        raise SpotsError("No spot centre lies inside the region. Draw a larger region.")
    columns = list(dict.fromkeys(genes)) or slice(None)
    part = prediction[chosen, columns].copy()
    if genes or region is not None:
        part.uns.get("napari_stem", {}).pop("draws", None)  # they are those of the whole
    return part


def check_genes(prediction: AnnData, genes: Sequence[str]) -> None:
    """Raise a `PanelError` that names the genes which a prediction lacks."""
    lacking = [gene for gene in genes if gene not in prediction.var_names]
    if lacking:
        raise PanelError(
            f"The prediction does not contain {a_few(lacking, most=5)}. It has "
            f"{counted(prediction.n_vars, 'gene')}, for example "
            f"{', '.join(prediction.var_names[:3])}."
        )
